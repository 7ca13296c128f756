"""What a boot test needs on disk: kernels, initramfs, programs, ISO images, ext4 images.

Everything lies below the build folder and is made again only when what it is made of changed.
"""
import functools
import hashlib
import os
import shutil
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
IMAGE = os.path.join(ROOT, "dom0-tools", "image")
ORACLE = os.path.join(ROOT, "tests", "oracle")


class KitError(Exception):
    """Something that the tests need could not be had; the message says what and why."""


def output_of(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode:
        raise KitError(f"{os.path.basename(command[0])} failed: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def newer(target, sources):
    """True if `target` exists and is not older than any of `sources` (files or folders)."""
    if not os.path.exists(target):
        return False
    made = os.stat(target).st_mtime_ns
    for source in sources:
        for base, _, names in os.walk(source) if os.path.isdir(source) else [(os.path.dirname(source), [], [os.path.basename(source)])]:
            if any(os.stat(os.path.join(base, name)).st_mtime_ns > made for name in names):
                return False
    return True


class Kit:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.dir = os.path.join(self.build, "tests", "kit")
        os.makedirs(self.dir, exist_ok=True)

    @functools.lru_cache(maxsize=None)
    def kernel(self, meta="linux-image-amd64"):
        """(vmlinuz, modules folder) of Debian's kernel behind the package `meta`."""
        lines = output_of([os.path.join(IMAGE, "fetch-kernel"), self.build, meta]).split("\n")
        return lines[0], lines[1]

    @functools.lru_cache(maxsize=None)
    def plain_kernel(self, meta="linux-image-amd64"):
        """The kernel's ELF image, unpacked from its bzImage: slow emulators do not unpack xz well."""
        vmlinuz, _ = self.kernel(meta)
        target = os.path.join(self.dir, os.path.basename(vmlinuz) + ".elf")
        if not newer(target, [vmlinuz]):
            with open(vmlinuz, "rb") as f:
                image = f.read()
            setup_sectors = image[0x1F1] or 4
            offset, length = struct.unpack_from("<II", image, 0x248)
            start = (setup_sectors + 1) * 512 + offset
            payload = image[start:start + length - 4]  # the last word is the unpacked size
            program = {b"\xfd7zXZ": "xz", b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
            name = next((p for magic, p in program.items() if payload.startswith(magic)), None)
            if not name:
                raise KitError(f"{vmlinuz} is packed in a format unknown here")
            with open(target + ".part", "wb") as f:
                subprocess.run([name, "-dc"], input=payload, stdout=f, check=True)
            os.replace(target + ".part", target)
        return target

    @functools.lru_cache(maxsize=None)
    def xen(self):
        return output_of([os.path.join(ORACLE, "fetch-xen"), self.build]).strip()

    @functools.lru_cache(maxsize=None)
    def new_qemu(self):
        """Arguments that start the newer QEMU, or None where it cannot be had."""
        answer = output_of([os.path.join(ORACLE, "fetch-qemu"), self.build]).strip()
        return None if answer == "not available" else answer.split()

    def guest(self, name):
        path = os.path.join(self.build, "tests", "guests", name + ".elf")
        if not os.path.exists(path):
            raise KitError(f"no {path}: run make guests first")
        return path

    @staticmethod
    def source(path):
        return os.path.join(ROOT, path)

    def program(self, source):
        """A static program made of one C file of the tests, to run in domain 0."""
        path = os.path.join(ROOT, source)
        target = os.path.join(self.dir, "bin", os.path.basename(source)[:-2])
        if not newer(target, [path]):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            output_of(["musl-gcc", f"-I{ROOT}", "-static", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread",
                       "-o", target, path])
        return target

    @functools.lru_cache(maxsize=None)
    def initramfs(self, meta="linux-image-amd64", extra=()):
        """The image with the tests of dom0/ and their programs; `extra`: further SOURCE:DEST pairs."""
        _, modules = self.kernel(meta)
        scripts = os.path.join(HERE, "dom0")
        programs = [self.program(f"tests/boot/{name}.c") for name in ("load", "cpu")]
        name = os.path.basename(modules) + ("-" + hashlib.sha1(repr(extra).encode()).hexdigest()[:8] if extra else "")
        target = os.path.join(self.dir, f"initramfs-{name}.gz")
        pairs = [f"{scripts}:tests"] + [f"{p}:bin/{os.path.basename(p)}" for p in programs] + list(extra)
        if not newer(target, [IMAGE, scripts, modules] + [pair.split(":")[0] for pair in pairs]):
            adds = [arg for pair in pairs for arg in ("--add", pair)]
            output_of([os.path.join(IMAGE, "make-initramfs"), "--modules", modules, "--out", target] + adds)
        return target

    def iso(self, scratch, files, arguments):
        """A bootable ISO image: `files` are (hypervisor, kernel, initrd), `arguments` theirs."""
        tree = os.path.join(scratch, "iso")
        os.makedirs(os.path.join(tree, "boot", "grub"))
        lines = ["set timeout=0", "insmod all_video"]
        for command, name, path, args in zip(("multiboot2", "module2", "module2"),
                                             ("hypervisor", "vmlinuz", "initrd.gz"), files, arguments):
            shutil.copyfile(path, os.path.join(tree, "boot", name))
            lines.append(f"{command} /boot/{name} {args}".rstrip())
        lines.append("boot")
        with open(os.path.join(tree, "boot", "grub", "grub.cfg"), "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        image = os.path.join(scratch, "boot.iso")
        output_of(["grub-mkrescue", "-o", image, tree])
        return image

    def ext4(self, scratch):
        """An ext4 image whose files have their checksums in SUMS. Made without root."""
        tree = os.path.join(scratch, "tree")
        os.makedirs(tree)
        sums = []
        for number, size in enumerate((100, 5000, 70000, 3000000)):
            data = hashlib.shake_128(b"file %d" % number).digest(size)
            with open(os.path.join(tree, f"file{number}"), "wb") as f:
                f.write(data)
            sums.append(f"{hashlib.sha256(data).hexdigest()}  file{number}\n")
        with open(os.path.join(tree, "SUMS"), "w", encoding="ascii") as f:
            f.writelines(sums)
        image = os.path.join(scratch, "disk.img")
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")
        output_of(["mke2fs", "-q", "-t", "ext4", "-d", tree, image, "64M"], env=environment)
        return image
