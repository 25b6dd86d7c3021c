"""Reads include/actmax.h as the other checks need it: the functions, and everything that a program compiled against it relies on."""
import re


def read(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"\\\n", " ", text)


def functions(text):
    """{name: declaration on one line}"""
    found = {}
    for match in re.finditer(r"^ACTMAX_API\s+([^;{]+);", text, re.M):
        declaration = re.sub(r"\s+", " ", match.group(1)).strip()
        found[re.search(r"(\w+)\s*\(", declaration).group(1)] = declaration
    return found


def constants(text):
    """{name: value} of the numbers, the version and the guards apart."""
    found = dict(re.findall(r"^#define (ACTMAX_\w+) +(\(?-?\w+\)?)\s*$", text, re.M))
    return {name: value for name, value in found.items() if not name.startswith("ACTMAX_VERSION")}


def types(text):
    """The typedefs, each on one line."""
    return sorted(re.sub(r"\s+", " ", found).strip() for found in re.findall(r"^typedef\s+([^;{]+);", text, re.M))
