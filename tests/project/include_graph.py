"""The rooms of lib/ depend downwards only: checks every #include "..." against the table below.

api -> visualize, loaders -> network -> ops -> kernels -> base; image, optimizers and modifiers see base only; loaders see the
builder and base; visualize asks the network and names no operator.

usage: include_graph.py SOURCE_FOLDER
"""
import pathlib
import re
import sys

BELOW = {
    "base": set(),
    "kernels": {"base"},
    "ops": {"kernels", "base"},
    "network": {"ops", "kernels", "base"},
    "image": {"base"},
    "optimizers": {"base"},
    "modifiers": {"base"},
    "loaders": {"base"},
    "visualize": {"network", "image", "optimizers", "modifiers", "base"},
    "api": {"visualize", "loaders", "network", "ops", "image", "optimizers", "modifiers", "kernels", "base"},
}
# Single headers that a room may see beyond that.
HEADERS = {
    "loaders": {"network/builder.h"},
    "visualize": {"ops/tensor.h", "kernels/kernels.h"},  # shapes of what the network returns; vector arithmetic on pictures
}
# The public header holds the status codes and the callback types, which any room may name.
PUBLIC = "actmax.h"
# System and third-party headers that belong to one place.
OUTSIDE = [
    (re.compile(r"stb[/_]"), re.compile(r"image/")),
    (re.compile(r"gif_lib\.h"), re.compile(r"image/animation\.c")),
    (re.compile(r"cblas\.h"), re.compile(r"kernels/")),
    (re.compile(r"(arm_neon|immintrin)\.h"), re.compile(r"kernels/")),
    (re.compile(r"pb(_\w+)?\.h"), re.compile(r"loaders/onnx/")),
    (re.compile(r"(unistd|fcntl|pthread|sched|signal)\.h|sys/"), re.compile(r"base/platform_posix(_threads)?\.c")),
]
OPERATOR = re.compile(r"\baxm_op_\w+")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def quoted(path, room, name, lib):
    """The complaint about #include "name" in a file of a room, or None."""
    if name == PUBLIC:
        return None
    if "/" not in name:
        return None if (path.parent / name).is_file() else "names no file beside it; write room/file.h"
    other = name.split("/")[0]
    if other not in BELOW:
        return f"names no room; the rooms are {', '.join(sorted(BELOW))}"
    if not (lib / name).is_file():
        return "names no file of lib"
    if other == room or other in BELOW[room] or name in HEADERS.get(room, set()):
        return None
    return f"points up or sideways; {room} may see {', '.join(sorted(BELOW[room] | HEADERS.get(room, set()))) or 'no other room'}"


def angled(inner, name):
    for header, owner in OUTSIDE:
        if header.match(name) and not owner.match(inner):
            return f"belongs to lib/{owner.pattern} only"
    return None


def main():
    lib = pathlib.Path(sys.argv[1]) / "lib"
    complaints, files = [], 0
    for path in sorted(lib.rglob("*.[ch]")) + sorted(lib.rglob("*.def")):
        files += 1
        inner = path.relative_to(lib).as_posix()
        room = inner.split("/")[0]
        if room not in BELOW:
            complaints.append(f"lib/{inner}: '{room}' is no room; add it to tests/project/include_graph.py")
            continue
        text = path.read_text(encoding="utf-8")
        if room == "visualize":
            complaints += [f"lib/{inner}: {name} names an operator" for name in OPERATOR.findall(text)]
        for match in INCLUDE.finditer(text):
            name, quote = match.group(2), match.group(1)
            why = quoted(path, room, name, lib) if quote == '"' else angled(inner, name)
            if why:
                line = text.count("\n", 0, match.start()) + 1
                complaints.append(f"lib/{inner}:{line}: #include {quote}{name}: {why}")
    print("\n".join(complaints) or f"{files} files, all includes point down")
    if files < 50:
        complaints.append("too few files seen")
    return 1 if complaints else 0


sys.exit(main())
