"""A kernel's modules, with what they need, for an image: no depmod and no running kernel are asked."""
import os
import re
import stat
import subprocess

from cpio import ImageError


class Modules:
    """The modules of one kernel: where each lies and what it needs, from its own .modinfo section."""

    def __init__(self, folder):
        self.folder = folder
        self.paths = {}
        for base, _, names in os.walk(folder):
            for name in names:
                match = re.fullmatch(r"(.*)\.ko(\.xz|\.gz|\.zst)?", name)
                if match:
                    self.paths[self.key(match[1])] = os.path.join(base, name)
        with open(os.path.join(folder, "modules.builtin"), encoding="utf-8") as f:
            self.builtin = {self.key(os.path.basename(line.strip())[:-3]) for line in f}

    @staticmethod
    def key(name):
        return name.replace("-", "_")

    def read(self, key):
        path = self.paths[key]
        program = {".xz": "xz", ".gz": "gzip", ".zst": "zstd"}.get(os.path.splitext(path)[1])
        if program:
            return subprocess.run([program, "-dc", path], check=True, stdout=subprocess.PIPE).stdout
        with open(path, "rb") as f:
            return f.read()

    @staticmethod
    def info(data, field):
        found = re.findall(rb"\0" + field.encode() + rb"=([^\0]*)(?=\0)", data)
        return [value.decode() for value in found]

    def needs(self, data):
        """Keys of the modules that must be loaded before the module with these bytes."""
        names = [name for value in self.info(data, "depends") for name in value.split(",") if name]
        for value in self.info(data, "softdep"):
            wanted = re.search(r"pre: (.*?)(?= post:|$)", value)
            for name in wanted[1].split() if wanted else []:
                # A crypto algorithm is named by alias; the portable implementation will do.
                soft = [name, name.replace("crypto-", "") + "_generic"]
                names += [n for n in soft if self.key(n) in self.paths][:1]
        return [self.key(name) for name in names]

    def collect(self, names):
        """The wanted modules and all that they need: {key: (bytes, [keys needed, last loaded first])}."""
        chosen = {}

        def visit(key):
            if key not in self.paths:
                raise ImageError(f"kernel in {self.folder} has no module '{key}'")
            data = self.read(key)
            order = []  # in which to load what this module needs
            for need in self.needs(data):
                if need in self.builtin:
                    continue
                if need not in chosen:
                    visit(need)
                order += [k for k in chosen[need][1][::-1] + [need] if k not in order]
            chosen[key] = (data, order[::-1])

        for key in map(self.key, names):
            if key not in chosen and key not in self.builtin:
                visit(key)
        return chosen


def add_modules(archive, folder, names):
    modules = Modules(folder)
    base = f"lib/modules/{os.path.basename(os.path.normpath(folder))}"
    chosen = modules.collect(names)
    dependencies, aliases = [], []
    for key in sorted(chosen):
        data, needed = chosen[key]
        archive.add(f"{base}/{key}.ko", stat.S_IFREG | 0o644, data)
        dependencies.append(" ".join([f"{key}.ko:"] + [f"{need}.ko" for need in needed]))
        aliases += [f"alias {alias} {key}" for alias in modules.info(data, "alias")]
    for name, lines in (("modules.dep", dependencies), ("modules.alias", aliases)):
        archive.add(f"{base}/{name}", stat.S_IFREG | 0o644, "".join(f"{line}\n" for line in lines).encode())
