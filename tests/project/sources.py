"""Every source file is named in a CMake list, and every name in a list is a file: nothing is left out of a build by accident.

usage: sources.py SOURCE_FOLDER
"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
complaints, count = [], 0
for folder in ("lib", "examples"):
    text = (source / folder / "CMakeLists.txt").read_text(encoding="utf-8")
    lists = re.findall(r"^\s*(?:set|list|add_executable)\(([^()]*)\)", re.sub(r"#.*", "", text), re.M)
    listed = [word for words in lists for word in words.split() if word.endswith(".c")]
    files = {path.relative_to(source / folder).as_posix() for path in (source / folder).rglob("*.c")}
    complaints += [f"{folder}/{name}: not in {folder}/CMakeLists.txt" for name in sorted(files - set(listed))]
    complaints += [f"{folder}/CMakeLists.txt: {name} is no file" for name in sorted(set(listed) - files)]
    complaints += [f"{folder}/CMakeLists.txt: {name} is listed twice" for name in sorted(set(listed)) if listed.count(name) > 1]
    count += len(files)
# Tests are found by their names, so these must fit.
for path in sorted((source / "tests" / "unit").glob("*.c")) + sorted((source / "tests" / "real").glob("*.c")):
    if "int main(" in path.read_text(encoding="utf-8") and not path.name.startswith("test_"):
        complaints.append(f"tests/{path.parent.name}/{path.name}: has a main, so its name must start with test_")
print("\n".join(complaints) or f"{count} sources, each listed once")
sys.exit(1 if complaints else 0)
