"""What a boot test needs on disk: kernels, initramfs, programs, ISO images, ext4 images.

Everything lies below the build folder and is made again only when what it is made of changed.
"""
import functools
import glob
import gzip
import hashlib
import os
import shutil
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
        below = [os.path.join(base, name) for base, _, names in os.walk(source) for name in names + ["."]]
        if any(os.lstat(path).st_mtime_ns > made for path in below or [source]):
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
        script = os.path.join(IMAGE, "unpack-kernel")
        if not newer(target, [vmlinuz, script]):
            output_of([script, vmlinuz, target])
        return target

    def gzipped_kernel(self):
        """The same, packed in a way that a slow emulator unpacks soon."""
        source = self.plain_kernel()
        target = source.removesuffix(".elf") + ".gz"
        if not newer(target, [source]):
            with open(source, "rb") as plain, gzip.open(target + ".new", "wb", compresslevel=6) as packed:
                shutil.copyfileobj(plain, packed)
            os.replace(target + ".new", target)
        return target

    @functools.lru_cache(maxsize=None)
    def xen(self):
        return output_of([os.path.join(ORACLE, "fetch-xen"), self.build]).strip()

    @functools.lru_cache(maxsize=None)
    def new_qemu(self):
        """Arguments that start the newer QEMU, or None where it cannot be had."""
        answer = output_of([os.path.join(ORACLE, "fetch-qemu"), self.build]).strip()
        return None if answer == "not available" else answer.split()

    def built(self, path, target):
        """A file of the build folder that `make TARGET` leaves."""
        path = os.path.join(self.build, path)
        if not os.path.exists(path):
            raise KitError(f"no {path}: run make {target} first")
        return path

    def guest(self, name):
        return self.built(f"tests/guests/{name}.elf", "guests")

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
    def tools(self):
        """Options of make-initramfs that add Vellum's own tools, as `make install` lays them out."""
        tree = os.path.join(self.build, "dom0-tools", "root")
        if not os.path.isdir(tree):
            raise KitError(f"no {tree}: run make tools-root first")
        if not os.path.exists(f"{tree}/usr/sbin/vellum-xenstored"):
            return ()
        return (f"--tree={tree}", f"{IMAGE}/start-tools:sbin/start-tools")

    @functools.lru_cache(maxsize=None)
    def qemu_utils(self):
        """Vellum's tools, and what they need for disks in QEMU's formats."""
        tree = output_of([os.path.join(ORACLE, "fetch-qemu-utils"), self.build]).strip()
        programs = (f"{tree}/usr/bin/qemu-nbd:bin/qemu-nbd", f"{tree}/usr/bin/qemu-img:bin/qemu-img", "/usr/bin/flock:bin/flock",
                    "/sbin/e2fsck:sbin/e2fsck")
        return self.tools() + (f"--root={tree}", "--module=nbd") + tuple(f"--program={program}" for program in programs)

    def reference(self):
        """Vellum's tools, the reference guest, and the kernel's back ends for it."""
        guest = self.built("frontends/reference.elf", "frontends")
        modules = tuple(f"--module={name}" for name in ("xen-blkback", "xen-netback", "loop"))
        echo = self.program("tests/boot/udp_echo.c")
        return self.tools() + (f"{guest}:guests/reference", f"{echo}:bin/udp_echo") + modules

    def dom0_root(self):
        """The disk image of a full Debian root, as `make dom0-root` leaves it."""
        path = os.path.join(self.build, "dom0-tools", "dom0-root.img")
        if not os.path.exists(path):
            raise KitError(f"no {path}: run make dom0-root first")
        return path

    @functools.lru_cache(maxsize=None)
    def xen_tools(self):
        """SOURCE:DEST pairs that lay Debian's Xen tools over an initramfs."""
        tree = output_of([os.path.join(ORACLE, "fetch-xen-tools"), self.build]).strip()
        return tuple(f"{tree}/{name}:{name}" for name in sorted(os.listdir(tree)))

    @functools.lru_cache(maxsize=None)
    def qemu(self):
        """What HVM guests need in domain 0: Debian's QEMU with its libraries, hvmloader, SeaBIOS."""
        self.xen_tools()
        tree = output_of([os.path.join(ORACLE, "fetch-device-model"), self.build]).strip()
        files = ("usr/lib/xen-4.17/boot/hvmloader", "usr/share/qemu/keymaps", "usr/share/seabios/bios-256k.bin",
                 "usr/share/seabios/vgabios-stdvga.bin")
        qemu = "usr/libexec/xen-qemu-system-i386"
        roots = (f"--root={tree}", f"--root={os.path.dirname(tree)}/xen-tools")
        return roots + (f"--program={tree}/{qemu}:{qemu}",) + tuple(f"{tree}/{name}:{name}" for name in files)

    def device_model(self):
        """Debian's tools and what HVM guests need."""
        return self.xen_tools() + self.qemu()

    def tools_and_device_model(self):
        """Vellum's tools and what HVM guests need, QEMU with Vellum's library for the store."""
        library = self.built("dom0-tools/lib/libxenstore.so.4", "tools")
        return self.tools() + self.qemu() + (f"{library}:lib/x86_64-linux-gnu/libxenstore.so.4",)

    def packed(self, name, options):
        """The image that make-initramfs makes with `options`, each of the form --WORD=FILE[:...]."""
        target = os.path.join(self.dir, f"initramfs-{name}.gz")
        files = [option.split("=", 1)[1].split(":")[0] for option in options if not option.startswith("--module=")]
        if not newer(target, [IMAGE] + files):
            output_of([os.path.join(IMAGE, "make-initramfs"), "--out", target] + options)
        return target

    def initramfs(self, meta="linux-image-amd64", extra=()):
        """Domain 0's image with the tests of dom0/ and their programs; `extra`: further SOURCE:DEST pairs, or
        options of make-initramfs (--program=FILE:DEST, --tree=DIR, ...)."""
        _, modules = self.kernel(meta)
        programs = [self.program(f"tests/boot/{name}.c") for name in ("load", "cpu", "traffic")]
        words = [f"{HERE}/dom0:tests"] + [f"{p}:bin/{os.path.basename(p)}" for p in programs] + list(extra)
        name = os.path.basename(modules) + ("-" + hashlib.sha1(repr(extra).encode()).hexdigest()[:8] if extra else "")
        return self.packed(name, [f"--modules={modules}"] + [w if w.startswith("--") else f"--add={w}" for w in words])

    def domu_initramfs(self):
        """The image of small guests with Debian's kernel."""
        programs = [f"--add={self.program(f'tests/boot/{name}.c')}:bin/{name}" for name in ("load", "traffic", "witness")]
        return self.packed("domu", [f"--init={IMAGE}/guest-init", f"--modules={self.kernel()[1]}",
                                    f"--list={IMAGE}/guest-modules", f"--add={HERE}/domu:tests"] + programs)

    @functools.lru_cache(maxsize=None)
    def guests_disk(self):
        """An ext4 image labelled vellum-guests, which domain 0 mounts at /guests: Debian's kernel as it is
        (vmlinuz) and unpacked (vmlinux), an initramfs (initrd), disks (data.img, bios.img), bare guests, configurations. Cases
        share it: give it to machines with snapshot=on."""
        files = {"vmlinuz": self.kernel()[0], "vmlinux": self.plain_kernel(), "initrd": self.domu_initramfs()}
        for name in ("pv", "hostile", "idle", "hvm"):
            bare = os.path.join(self.build, "tests", "guests", name + ".elf")
            if os.path.exists(bare):
                files[name] = bare
        bios = os.path.join(self.build, "tests", "guests", "bios.img")
        if os.path.exists(bios):
            files["bios.img"] = bios
        files["data.img"] = self.data_disk()
        files |= {name: os.path.join(IMAGE, "guests", name) for name in os.listdir(os.path.join(IMAGE, "guests"))}
        target = os.path.join(self.dir, "guests.img")
        if not newer(target, [IMAGE] + list(files.values())):
            pairs = [f"{path}:{name}" for name, path in sorted(files.items())]
            output_of([os.path.join(IMAGE, "make-disk"), target, "1G", "vellum-guests"] + pairs)
        return target

    @functools.lru_cache(maxsize=None)
    def pc_disk(self):
        """A disk with GRUB, Debian's kernel as it is and a small root in memory; files with their checksums below data/."""
        init = self.packed("pc", [f"--init={IMAGE}/guest-init", f"--modules={self.kernel()[1]}",
                                  f"--list={HERE}/domu/pc-modules", f"--add={HERE}/domu:tests"])
        commands = os.path.join(self.dir, "pc.grub")
        with open(commands, "w", encoding="ascii") as f:
            f.write("set root=(hd0,msdos1)\nlinux /vmlinuz nopv earlyprintk=ttyS0,115200 console=ttyS0,115200 cryptomgr.notests "
                    "domu.do=/tests/pc-disk\ninitrd /initrd\nboot\n")
        data = [os.path.join(self.dir, "data", "tree", name) for name in ("SUMS", "file0", "file1", "file2", "file3")]
        self.data_disk()
        target, script = os.path.join(self.dir, "pc.img"), os.path.join(HERE, "make-pc-disk")
        if not newer(target, [script, init, self.kernel()[0]] + data):
            output_of([script, target, "40M", commands, f"{self.kernel()[0]}:vmlinuz", f"{init}:initrd"] +
                      [f"{path}:data/{os.path.basename(path)}" for path in data])
        return target

    def exchange_disk(self, scratch):
        """An empty ext4 image labelled vellum-exchange, on which machines that run one after the other leave
        each other files."""
        image = os.path.join(scratch, "exchange.img")
        output_of([os.path.join(IMAGE, "make-disk"), image, "600M", "vellum-exchange"])
        return image

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

    @functools.lru_cache(maxsize=None)
    def data_disk(self):
        """The image of a guest's disk, as ext4() makes it."""
        folder = os.path.join(self.dir, "data")
        if not os.path.exists(f"{folder}/disk.img"):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            self.ext4(folder)
        return f"{folder}/disk.img"

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
        pairs = [f"{path}:{os.path.basename(path)}" for path in glob.glob(f"{tree}/*")]
        output_of([os.path.join(IMAGE, "make-disk"), image, "64M", "vellum-test"] + pairs)
        return image
