#!/usr/bin/python3
"""Compare the constants and types of pv-abi/ with those of Debian's libxen-dev.

Usage: compare.py BUILD-DIRECTORY

Both sets are compiled, each in a translation unit of its own since their names collide, and
every fact of the one is looked up in the other. A name that only one side has must stand in
exceptions.txt, with the reason. Exits with 1 if anything differs, is missing, or if an exception
is no longer needed.
"""

import fnmatch
import os
import subprocess
import sys

import facts

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
XEN = "/usr/include/xen"


def headers_below(directory):
    """Paths of the headers there, relative to it."""
    found = []
    for place, _, files in os.walk(directory):
        found += [os.path.join(place, name) for name in files if name.endswith(".h")]
    return sorted(os.path.relpath(path, directory) for path in found)


def listed(name):
    """The lines of one of the lists beside this script, without comments."""
    with open(f"{HERE}/{name}") as lines:
        stripped = [line.split("#")[0].rstrip() for line in lines]
    return [line for line in stripped if line]


def xen_headers():
    """(headers to compare, headers that neither are compared nor said to be left out)."""
    marks = dict(reversed(line.split()[:2]) for line in listed("xen-headers.txt"))
    unknown = [name for name in headers_below(XEN) if name not in marks]
    return [name for name, mark in marks.items() if mark == "+"], unknown


def exceptions():
    """{"ours": patterns, "xen": patterns}: names that one side may have alone."""
    patterns = {"ours": [], "xen": []}
    for line in listed("exceptions.txt"):
        side, pattern = line.split(None, 1)
        patterns[side].append(pattern)
    return patterns


class Side:
    """Everything known of one header set: constants, types, and expressions' values."""

    def __init__(self, unit):
        self.constants = facts.macros(unit)
        types = facts.Types(unit)
        for name, value in types.enumerators.items():
            self.constants[name] = f"{value & 0xffffffffffffffff:#x}" if value else "0"
        self.layouts = types.layouts
        functions = facts.function_macros(unit)
        self.names = set(self.constants) | set(self.layouts) | functions
        values = facts.evaluate(unit, listed("expressions.txt"), [])
        self.expressions = {f"expression {text}": value for text, value in values.items()}


class Comparison:
    """Counts, and prints what differs."""

    def __init__(self, patterns):
        self.compared = self.differ = 0
        self.patterns = patterns
        self.used = set()

    def fault(self, text):
        self.differ += 1
        print(text)

    def same(self, name, ours, xens):
        self.compared += 1
        if ours != xens:
            self.fault(f"{name}: ours is {ours}, Xen's is {xens}")

    def alone(self, side, name):
        """Whether a name that only one side has may be there alone; a fault if not."""
        for pattern in self.patterns[side]:
            if fnmatch.fnmatchcase(name, pattern):
                self.used.add((side, pattern))
                return
        missing = "Xen has no" if side == "ours" else "we lack"
        self.fault(f"{name}: {missing} such name")

    def tables(self, kind, ours, xens):
        for name in sorted(ours.keys() & xens.keys()):
            self.same(f"{kind} {name}", ours[name], xens[name])

    def layout(self, name, ours, xens):
        self.same(f"size of {name}", ours[0], xens[0])
        ours, xens = ({leaf[0]: leaf[1:] for leaf in side[1]} for side in (ours, xens))
        for path in sorted(ours.keys() | xens.keys()):
            full = f"{name}.{path}" if path else name
            if path not in xens:
                self.alone("ours", full)
            elif path not in ours:
                self.alone("xen", full)
            else:
                self.same(f"{full} (offset, size, kind)", ours[path], xens[path])

    def stale(self):
        for side, patterns in self.patterns.items():
            for pattern in patterns:
                if (side, pattern) not in self.used:
                    self.fault(f"exceptions.txt: {side} {pattern}: no longer needed")


def unsized(ours):
    """Structures of ours whose size is not asserted; rings vary, and have a size in neither set."""
    text = ""
    for name in headers_below(f"{ROOT}/pv-abi"):
        with open(f"{ROOT}/pv-abi/{name}") as header:
            text += header.read()
    named = [name for name in ours.layouts if name.startswith(("struct ", "union "))]
    return [n for n in named if f"ABI_SIZE({n}," not in text and not n.endswith("_sring")]


def compare(ours, xens):
    result = Comparison(exceptions())
    result.tables("constant", ours.constants, xens.constants)
    result.tables("", ours.expressions, xens.expressions)
    for name in sorted(ours.layouts.keys() & xens.layouts.keys()):
        result.layout(name, ours.layouts[name], xens.layouts[name])
    for name in sorted(ours.names - xens.names):
        result.alone("ours", name)
    for name in sorted(xens.names - ours.names):
        result.alone("xen", name)
    result.stale()
    return result


def main():
    build = sys.argv[1]
    names, unknown = xen_headers()
    flags = ["-std=gnu11", "-ffreestanding", f"-I{ROOT}"]
    headers = [f"pv-abi/{name}" for name in headers_below(f"{ROOT}/pv-abi")]
    our_set = facts.HeaderSet("ours", headers, flags, f"{ROOT}/pv-abi", build)
    flags = ["-std=gnu11", "-D__XEN_TOOLS__"]
    headers = ["stdint.h", "stddef.h"] + [f"xen/{name}" for name in names]
    xen_set = facts.HeaderSet("xen", headers, flags, XEN, build)
    try:
        ours, xens = Side(our_set), Side(xen_set)
    except subprocess.CalledProcessError as error:
        print(f"cannot compile the headers: {' '.join(error.cmd)}")
        return 1
    result = compare(ours, xens)
    for name in unknown:
        result.fault(f"{XEN}/{name}: neither compared nor left out (xen-headers.txt)")
    for name in unsized(ours):
        result.fault(f"{name}: no ABI_SIZE asserts its size")
    print(f"{result.compared} compared, {result.differ} differ")
    return 1 if result.differ else 0


if __name__ == "__main__":
    sys.exit(main())
