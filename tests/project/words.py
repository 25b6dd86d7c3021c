"""Words that have no place in the repository, and files that grew too long.

usage: words.py SOURCE_FOLDER
"""
import pathlib
import re
import sys

LONGEST = 600
# Written in pieces, so that this file passes its own check.
UNFINISHED = ["TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK", "WI" "P"]
PHRASES = ["for " "now", "not " "implemented", "place" "holder", "temp" "orarily"]
PATHS = ["/wo" "rk/", "/wo" "rk\\b", "/opt/" "torchenv", "/ro" "ot/", "/ho" "me/\\w", "/tm" "p/\\w"]
BANNED = [
    (re.compile(r"\b(%s)\b" % "|".join(UNFINISHED)), "says that something is unfinished"),
    (re.compile(r"\b(%s)\b" % "|".join(PHRASES), re.I), "says that something is unfinished"),
    (re.compile("(?<![\\w.$}])(%s)" % "|".join(PATHS)), "is a path of one machine"),
]
CODE = {".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".cmake", ".in", ".def", ".map", ".md", ".proto", ".options", ".yml", ".toml"}
NAMES = {"CMakeLists.txt", "run", ".clang-format", ".gitignore"}
GENERATED = re.compile(r"onnx\.pb\.[ch]$")
SKIPPED_FOLDERS = re.compile(r"^(build.*|\.git|quickstart-out|__pycache__|\.venv.*)$")


def files(folder):
    for path in sorted(folder.iterdir()):
        if SKIPPED_FOLDERS.match(path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from files(path)
        elif path.is_file():
            yield path


def main():
    source = pathlib.Path(sys.argv[1])
    complaints, seen = [], 0
    for path in files(source):
        name = path.relative_to(source).as_posix()
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        code = path.suffix in CODE or path.name in NAMES
        if not code and "\0" in text:
            continue
        seen += 1
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            for pattern, why in BANNED:
                for match in pattern.finditer(line):
                    complaints.append(f"{name}:{number}: '{match.group(0)}' {why}")
            if code and line.endswith((" ", "\t", "\r")) and not GENERATED.search(name):
                complaints.append(f"{name}:{number}: space at the end of the line")
        if code and len(lines) - 1 > LONGEST and not GENERATED.search(name):
            complaints.append(f"{name}: {len(lines) - 1} lines, more than {LONGEST}: split it by concept")
        if code and text and not text.endswith("\n"):
            complaints.append(f"{name}: no newline at the end")
    print("\n".join(complaints) or f"{seen} files read")
    return 1 if complaints else 0


sys.exit(main())
