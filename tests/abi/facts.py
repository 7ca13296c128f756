"""Facts of a set of C headers: what the compiler says of every constant and every type in them.

A header set is compiled as one translation unit. Macros are found by the preprocessor (with the
file each comes from) and evaluated by a generated program; types are read from the unit's DWARF.
Nothing is parsed from C source here, so a fact is always the compiler's own.
"""

import re
import subprocess

from elftools.elf.elffile import ELFFile

CC = "gcc"


class HeaderSet:
    """The headers, how to compile them, and the directory whose names count as theirs."""

    def __init__(self, name, headers, flags, root, build):
        self.name = name
        self.headers = headers
        self.flags = flags
        self.root = root
        self.build = build

    def preamble(self):
        return "".join(f'#include "{header}"\n' for header in self.headers)

    def path(self, suffix):
        return f"{self.build}/{self.name}{suffix}"

    def compile(self, args, check=True, **kwargs):
        return subprocess.run([CC, *self.flags, *args], check=check, text=True, **kwargs)


# Macros


def definitions(unit):
    """{name: (is it function-like, its body)} of the macros defined under the set's root."""
    source = unit.path("-macros.c")
    with open(source, "w") as out:
        out.write(unit.preamble())
    text = unit.compile(["-E", "-dD", source], stdout=subprocess.PIPE).stdout
    found, inside = {}, False
    for line in text.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        define = re.match(r"#(define|undef) (\w+)(\(?)(.*)", line)
        if marker:
            inside = marker.group(1).startswith(unit.root)
        elif define and inside and define.group(1) == "define":
            found[define.group(2)] = (bool(define.group(3)), define.group(4).strip())
        elif define and define.group(1) == "undef":
            found.pop(define.group(2), None)
    return found


def function_macros(unit):
    return {name for name, (function, _) in definitions(unit).items() if function}


def sift(unit, names, template):
    """The names for which the template is an acceptable declaration."""
    source = unit.path("-sift.c")
    with open(source, "w") as out:
        out.write(unit.preamble())
        for index, name in enumerate(names):
            out.write(f'#line {index + 1} "candidate"\n{template.format(name=name, i=index)}\n')
    args = ["-fsyntax-only", "-fmax-errors=0", "-w", source]
    errors = unit.compile(args, check=False, stderr=subprocess.PIPE).stderr
    bad = {int(number) for number in re.findall(r"^candidate:(\d+):\d+: (?:error|note)", errors, re.M)}
    return [name for index, name in enumerate(names) if index + 1 not in bad]


def evaluate(unit, integers, strings):
    """The value of each expression, as the compiled program prints it."""
    source, program = unit.path("-values.c"), unit.path("-values")
    with open(source, "w") as out:
        out.write(unit.preamble())
        out.write("int printf(const char *format, ...);\nint main(void) {\n")
        for name in integers:
            label = name.replace('"', '\\"')
            out.write(f'printf("%s\\t%#llx\\n", "{label}", (unsigned long long)({name}));\n')
        for name in strings:
            out.write(f'printf("%s\\t\\"%s\\"\\n", "{name}", {name});\n')
        out.write("return 0;\n}\n")
    unit.compile(["-w", "-o", program, source])
    text = subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE).stdout
    return dict(line.split("\t", 1) for line in text.splitlines())


def macros(unit):
    """{name: value} of the object-like macros that are not empty.

    What is neither a number nor a text, such as another name of a type, stands for itself.
    """
    found = definitions(unit)
    names = sorted(n for n, (function, body) in found.items() if body and not function)
    integers = sift(unit, names, "enum {{ candidate_{i} = ({name}) }};")
    rest = [name for name in names if name not in set(integers)]
    strings = sift(unit, rest, 'const char candidate_{i}[sizeof({name})] = "" {name};')
    values = evaluate(unit, integers, strings)
    return {name: values.get(name, found[name][1]) for name in names}


# Types


class Types:
    """The types of one compiled unit, by name, each with its size and its leaves.

    A leaf is (path of member names, offset, size, kind). Structures without a name are
    flattened into their members; one with a name is a leaf and described on its own.
    """

    AGGREGATES = {"DW_TAG_structure_type": "struct", "DW_TAG_union_type": "union"}
    QUALIFIERS = ("DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_typedef")

    def __init__(self, unit):
        source, obj = unit.path("-types.c"), unit.path("-types.o")
        with open(source, "w") as out:
            out.write(unit.preamble())
        unit.compile(["-gdwarf-4", "-fno-eliminate-unused-debug-types", "-c", "-o", obj, source])
        self.root = unit.root
        with open(obj, "rb") as stream:
            dwarf = ELFFile(stream).get_dwarf_info()
            (self.cu,) = dwarf.iter_CUs()
            self.files = self._file_names(dwarf)
            self.named, self.enumerators = {}, {}
            for die in self.cu.get_top_DIE().iter_children():
                self._register(die)
            self.layouts = {name: self._describe(die) for name, die in self.named.items()}

    def _file_names(self, dwarf):
        program = dwarf.line_program_for_CU(self.cu)
        dirs = [entry.decode() for entry in program["include_directory"]]
        names = [""]
        for entry in program["file_entry"]:
            prefix = dirs[entry.dir_index - 1] + "/" if entry.dir_index else ""
            names.append(prefix + entry.name.decode())
        return names

    @staticmethod
    def _text(die):
        name = die.attributes.get("DW_AT_name")
        return name.value.decode() if name else None

    def _register(self, die):
        where = die.attributes.get("DW_AT_decl_file")
        if not where or self.root not in self.files[where.value]:
            return
        if die.tag == "DW_TAG_enumeration_type":
            for child in die.iter_children():
                self.enumerators[self._text(child)] = child.attributes["DW_AT_const_value"].value
        if "DW_AT_declaration" in die.attributes:
            return
        name = self._text(die)
        if name and die.tag in self.AGGREGATES:
            self.named[f"{self.AGGREGATES[die.tag]} {name}"] = die
        elif name and die.tag == "DW_TAG_typedef":
            self.named[name] = die

    def _strip(self, die):
        """The type behind typedefs and qualifiers; guest handles count as the pointers they are."""
        while die.tag in self.QUALIFIERS:
            if (self._text(die) or "").startswith("__guest_handle_"):
                return None
            if "DW_AT_type" not in die.attributes:
                return die
            die = die.get_DIE_from_attribute("DW_AT_type")
        return die

    def _describe(self, die):
        leaves = []
        self._flatten(die, "", 0, leaves, top=die.tag in self.AGGREGATES)
        return self._size(die), sorted(leaves)

    def _size(self, die):
        die = self._strip(die)
        if die is None or die.tag == "DW_TAG_pointer_type":
            return 8
        if die.tag == "DW_TAG_array_type":
            return self._size(die.get_DIE_from_attribute("DW_AT_type")) * self._count(die)
        size = die.attributes.get("DW_AT_byte_size")
        return size.value if size else 0

    @staticmethod
    def _count(die):
        count = 1
        for child in die.iter_children():
            if child.tag == "DW_TAG_subrange_type":
                bound = child.attributes.get("DW_AT_upper_bound")
                number = child.attributes.get("DW_AT_count")
                if bound and isinstance(bound.value, int):
                    count *= (bound.value + 1) & 0xFFFFFFFF
                else:
                    count *= number.value if number else 0
        return count

    def _flatten(self, die, path, offset, leaves, top=False):
        die = self._strip(die)
        if die is None or die.tag == "DW_TAG_pointer_type":
            leaves.append((path, offset, 8, "pointer"))
        elif die.tag in self.AGGREGATES and self._text(die) and not top:
            name = f"{self.AGGREGATES[die.tag]} {self._text(die)}"
            leaves.append((path, offset, self._size(die), name))
        elif die.tag in self.AGGREGATES:
            if path:
                leaves.append((path, offset, self._size(die), "aggregate"))
            for member in die.iter_children():
                if member.tag == "DW_TAG_member":
                    self._member(member, path, offset, leaves)
        elif die.tag == "DW_TAG_array_type":
            element = die.get_DIE_from_attribute("DW_AT_type")
            leaves.append((path, offset, self._size(die), f"array of {self._count(die)}"))
            self._flatten(element, path + "[]", offset, leaves)
        else:
            leaves.append((path, offset, self._size(die), self._kind(die)))

    @staticmethod
    def _kind(die):
        if die.tag == "DW_TAG_enumeration_type":
            return "unsigned"
        encoding = die.attributes.get("DW_AT_encoding")
        kinds = {2: "bool", 4: "float", 5: "signed", 6: "char", 7: "unsigned", 8: "unsigned"}
        return kinds.get(encoding.value, "other") if encoding else "void"

    def _member(self, member, path, offset, leaves):
        name = self._text(member)
        place = member.attributes.get("DW_AT_data_member_location")
        at = offset + (place.value if place else 0)
        full = path if not name else f"{path}.{name}" if path else name
        bits = member.attributes.get("DW_AT_bit_size")
        kind = member.get_DIE_from_attribute("DW_AT_type")
        if bits is None and not name:
            for inner in self._strip(kind).iter_children():
                if inner.tag == "DW_TAG_member":
                    self._member(inner, path, at, leaves)
        elif bits is None:
            self._flatten(kind, full, at, leaves)
        else:
            leaves.append((full, *self._bit_place(member, at), f"{bits.value} bits"))

    def _bit_place(self, member, at):
        """(offset, size) in bits of a bit field, whichever of DWARF's two ways describes it."""
        bits = member.attributes["DW_AT_bit_size"].value
        if "DW_AT_data_bit_offset" in member.attributes:
            return member.attributes["DW_AT_data_bit_offset"].value, bits
        unit = self._size(member.get_DIE_from_attribute("DW_AT_type")) * 8
        return at * 8 + unit - member.attributes["DW_AT_bit_offset"].value - bits, bits
