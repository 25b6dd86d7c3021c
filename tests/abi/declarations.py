"""What programs are compiled against stays as it was: the header's functions, types and numbers against declarations.txt.

Adding is fine (add the lines); changing or removing a line breaks every program that is built already, and asks for a new SONAME.
The file is written by: python3 tests/abi/declarations.py include/actmax.h > tests/abi/declarations.txt

usage: declarations.py HEADER [DECLARATIONS]
"""
import difflib
import re
import sys

import header

# Types whose size or passing differs between compilers, settings or languages.
BANNED = [
    (re.compile(r"\b(long|short|bool|_Bool|int|unsigned|FILE|va_list|enum|wchar_t|time_t)\b"), "use int32_t, int64_t, size_t, float, double"),
    (re.compile(r"\.\.\."), "no variable arguments"),
    (re.compile(r"\bstruct\b"), "handles have a typedef"),
]


def by_value(declaration, handles):
    return [name for name in handles if re.search(rf"\b{name}\b(?!\s*\*)", declaration)]


def main():
    text = header.read(sys.argv[1])
    declared = header.functions(text)
    handles = {match for match in re.findall(r"^typedef struct \w+ (\w+);", text, re.M)}
    lines = [f"function {declared[name]}" for name in sorted(declared)]
    lines += [f"type {line}" for line in header.types(text)]
    lines += [f"number {name} {value}" for name, value in sorted(header.constants(text).items())]
    if len(sys.argv) < 3:
        print("\n".join(lines))
        return 0
    complaints = []
    for name, declaration in declared.items():
        if not re.match(r"actmax_[a-z]+(_[a-z]+)*$", name):
            complaints.append(f"{name}: not actmax_<noun>_<verb>")
        for pattern, why in BANNED:
            if pattern.search(declaration):
                complaints.append(f"{declaration}: {why}")
        complaints += [f"{declaration}: {handle} passed by value" for handle in by_value(declaration, handles)]
    if len(declared) < 50 or len(handles) < 5:
        complaints.append(f"only {len(declared)} functions and {len(handles)} handles were seen")
    bodies = re.findall(r"\b(?:struct|union|enum)\s*\w*\s*\{", text)
    if bodies:
        complaints.append(f"the header shows the inside of a type: {bodies}")
    with open(sys.argv[2], encoding="utf-8") as file:
        committed = file.read().splitlines()
    complaints += difflib.unified_diff(committed, lines, sys.argv[2], sys.argv[1], n=0, lineterm="")
    print("\n".join(complaints) or f"{len(lines)} declarations as committed")
    return 1 if complaints else 0


sys.exit(main())
