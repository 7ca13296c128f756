"""The shared libraries that ELF programs need, found by reading the files: no program is ever run."""
import os
import struct

from cpio import ImageError

FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/lib", "/usr/lib64", "/usr/lib")
X86_64 = 62
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29


class Elf:
    """What the dynamic loader reads of one file: `interpreter` (or None), `needed`, `folders`."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.data = f.read()
        self.interpreter, self.needed, self.folders = None, [], []
        try:
            self.parse()
        except (struct.error, ValueError) as error:
            raise ImageError(f"{path} is damaged: {error}") from error

    @staticmethod
    def is_one(path):
        with open(path, "rb") as f:
            return f.read(4) == b"\x7fELF"

    def parse(self):
        if self.data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", self.data, 18)[0] != X86_64:
            raise ImageError(f"{self.path} is no program or library for x86-64")
        table, = struct.unpack_from("<Q", self.data, 32)
        size, count = struct.unpack_from("<HH", self.data, 54)
        headers = [struct.unpack_from("<IIQQQQ", self.data, table + i * size) for i in range(count)]
        loads = [header for header in headers if header[0] == PT_LOAD]
        for kind, _, offset, _, _, length in headers:
            if kind == PT_INTERP:
                self.interpreter = self.string(offset)
            elif kind == PT_DYNAMIC:
                self.parse_dynamic(offset, length, loads)

    def parse_dynamic(self, offset, length, loads):
        entries = [struct.unpack_from("<QQ", self.data, at) for at in range(offset, offset + length, 16)]
        end = next((i for i, (tag, _) in enumerate(entries) if tag == 0), len(entries))
        entries = entries[:end]
        address = next((value for tag, value in entries if tag == DT_STRTAB), None)
        strings = next((at + address - start for _, _, at, start, _, size in loads
                        if address is not None and start <= address < start + size), None)
        if strings is None:
            raise ValueError("its dynamic section has no string table")
        self.needed = [self.string(strings + value) for tag, value in entries if tag == DT_NEEDED]
        for tag, value in entries:
            if tag in (DT_RPATH, DT_RUNPATH):
                origin = os.path.dirname(os.path.realpath(self.path))
                self.folders += [f.replace("$ORIGIN", origin) for f in self.string(strings + value).split(":") if f]

    def string(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode()


class Libraries:
    """Finds what programs need, in `roots` (folders that stand for /) before the machine's own."""

    def __init__(self, roots=()):
        self.roots = [root.rstrip("/") for root in roots] + [""]
        self.found = {}  # path in the image: path here

    def locate(self, folders, name):
        for root in self.roots:
            for folder in folders:
                path = f"{root}{folder}/{name}" if not folder.startswith(root + "/") else f"{folder}/{name}"
                if os.path.isfile(path):
                    return path
        return None

    def add(self, program):
        """Finds all that `program` needs, directly or not, and takes it into `found`."""
        elf = Elf(program)
        if elf.interpreter:
            folder, name = os.path.split(elf.interpreter)
            self.take(elf, name, [folder], elf.interpreter)
        for name in elf.needed:
            # In the image all lie in one folder, where the dynamic loader looks whatever else it is told.
            self.take(elf, name, elf.folders + list(FOLDERS), f"{FOLDERS[0]}/{name}")

    def take(self, elf, name, folders, destination):
        if destination in self.found or (name.startswith("ld-linux") and f"/lib64/{name}" in self.found):
            return
        path = self.locate(folders, name)
        if not path:
            raise ImageError(f"{elf.path} needs {name}, which is in none of {' '.join(folders)}: "
                             "install the package that has it")
        self.found[destination] = path
        self.add(path)
