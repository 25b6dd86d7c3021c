"""Writes actmax/_options.py and actmax/_options.pyi from the option table of the C library: the methods of Model that take options,
with explicit keywords, docstrings and types.

    python3 bindings/python/generate_options.py build/lib/libactmax.so [--check]

--check writes nothing and fails when the committed files are not what would be written. Run it after a change of
lib/api/options.def. Python's standard library only.
"""

import ctypes
import pathlib
import sys
import textwrap
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = 118
INTEGER, NUMBER, TEXT, CHOICE, NUMBERS, SWITCH = range(1, 7)

LOADING = ("load", "preprocess", "limits", "session")
ELSEWHERE = LOADING + ("cam", "overlay", "sheet")


class Option(NamedTuple):
    name: str
    part: str
    type: int
    default: str
    choices: str
    minimum: float
    maximum: float
    help: str


class Method(NamedTuple):
    name: str
    arguments: list  # (name, type, default or None)
    keywords: list  # the same, before the options
    result: str
    pick: object  # of an option: does the method take it?
    doc: str


def read_table(path):
    library = ctypes.CDLL(str(pathlib.Path(path).resolve()))
    library.actmax_version_string.restype = ctypes.c_char_p
    for name in ("name", "part", "default", "choices", "help"):
        getattr(library, "actmax_option_" + name).restype = ctypes.c_char_p
    for name in ("minimum", "maximum"):
        getattr(library, "actmax_option_" + name).restype = ctypes.c_double

    def read(index):
        values = (getattr(library, "actmax_option_" + name)(index) for name in Option._fields)
        return Option(*(value.decode("utf-8") if isinstance(value, bytes) else value for value in values))

    return [read(i) for i in range(library.actmax_option_count())]


IMAGE = ("image", "ImageLike", None)
PROGRESS = ("progress", "Callable[[Progress], object] | type | None", "None")
PARTS = ("parts", "Sequence[str | tuple[str, Mapping[str, object]]] | None", "None")
LAYER_DOC = "layer: a name, an index, one of Model.layers, or None for the network's output before a final softmax or sigmoid."
MAXIMIZE_DOC = """progress: called after each step with a Progress (step, steps, objective, image, stop(), ...); or a class of progress bars, such as
tqdm.tqdm. Ctrl-C stops too, and the best image so far is returned; a second Ctrl-C raises KeyboardInterrupt.

parts: transforms, regularizers and optimizers to compose, in order, in the place of the default ones of their kind: names, or
pairs of a name and a dict of its options, such as [("jitter", {"jitter": 8}), "flip"]."""


def is_maximize(option):
    return option.part not in ELSEWHERE


def is_map(option):
    return option.part in ("preset", "cam") or option.name in ("bypass", "colormap")


METHODS = [
    Method(
        "__init__",
        [("path", "str | os.PathLike[str] | bytes", None)],
        [
            ("inputs", "Mapping[str, npt.ArrayLike] | None", "None"),
            ("external", "Mapping[str, bytes] | None", "None"),
        ],
        "None",
        lambda option: option.part in ("preset",) + LOADING,
        "Loads a network: an ONNX or Keras file, or its bytes.\n\n"
        "inputs: constant values for inputs of the network that are not the image. external: with bytes, the files that the network keeps "
        "its weights in, by name.",
    ),
    Method(
        "gradient",
        [IMAGE, ("layer", "LayerLike | None", "None"), ("filter", "FilterLike", "None")],
        [],
        "Gradient",
        lambda option: option.part == "target" or option.name == "backprop",
        "The gradient of a filter's mean over space with respect to the network's input, height x width x channels.\n\n"
        + LAYER_DOC
        + " filter: an index, several (their sum), or None for the mean of the whole layer.",
    ),
    Method(
        "maximize",
        [("layer", "LayerLike | None", "None"), ("filter", "FilterLike", "None")],
        [PROGRESS, PARTS],
        "Picture",
        is_maximize,
        "Makes a picture that excites a filter.\n\n"
        + LAYER_DOC
        + " filter: an index, several (their sum), or None for the mean of the whole layer.\n\n"
        + MAXIMIZE_DOC,
    ),
    Method(
        "maximize_each",
        [("layer", "LayerLike | None", None), ("filters", "Sequence[int]", None)],
        [PROGRESS, PARTS],
        "list[Picture]",
        is_maximize,
        "Makes one picture for each filter, in one call. Layer, progress, parts and the options are those of maximize().",
    ),
    Method(
        "maximize_sheet",
        [("layer", "LayerLike | None", "None"), ("filters", "Sequence[int] | None", "None")],
        [PROGRESS, PARTS],
        "Sheet",
        lambda option: is_maximize(option) or option.part == "sheet",
        "Makes one contact sheet of the pictures of many filters: the dead ones are dropped, the others sorted by activation.\n\n"
        "filters: their indices; None: those that sheet_filters says. Layer, progress, parts and the options but those of the sheet "
        "are those of maximize().",
    ),
    Method(
        "grad_cam",
        [IMAGE, ("target", "TargetLike", "None"), ("layer", "LayerLike | None", "None")],
        [],
        "Map",
        is_map,
        "Where the network looks for a class in an image (Grad-CAM), as a map of the image's size.\n\n"
        "target: a class, None for the best one, or a pair (layer, filter). layer: the layer whose map it is; None: the last one with "
        "spatial size above 1.",
    ),
    Method(
        "saliency",
        [IMAGE, ("target", "TargetLike", "None")],
        [],
        "Map",
        is_map,
        "Which pixels the score of a class reacts to: the size of the gradient, as a map of the image's size.\n\n"
        "target: a class, None for the best one, or a pair (layer, filter).",
    ),
]


# ---- Words for options ----


def choices_of(option):
    return option.choices.split("|")


def type_word(option):
    words = {INTEGER: "int", NUMBER: "float", SWITCH: "bool", TEXT: "str", NUMBERS: "float or floats"}
    if option.name == "start_image":
        return "image"
    return words[option.type] if option.type != CHOICE else " | ".join(repr(word) for word in choices_of(option))


def annotation(option):
    if option.name == "start_image":
        return "ImageLike"
    if option.type == CHOICE:
        return "Literal[%s]" % ", ".join('"%s"' % word for word in choices_of(option))
    return {INTEGER: "int", NUMBER: "float", SWITCH: "bool", TEXT: "str", NUMBERS: "float | Sequence[float]"}[option.type]


def number(value):
    return "%d" % value if value == int(value) and abs(value) < 1e7 else "%.9g" % value


def describe(option):
    facts = [type_word(option)]
    if option.type in (INTEGER, NUMBER, NUMBERS):
        facts.append("%s to %s" % (number(option.minimum), number(option.maximum)))
    if option.default:
        facts.append("default " + ({"0": "False", "1": "True"}[option.default] if option.type == SWITCH else option.default))
    return "%s (%s): %s" % (option.name, "; ".join(facts), option.help)


def docstring(method, options):
    paragraphs = [textwrap.fill(" ".join(part.split()), WIDTH - 8) for part in method.doc.split("\n\n")]
    lines = "\n\n".join(paragraphs).split("\n")
    shown = [option for option in options if option.part == "sheet" or not method.name.startswith("maximize_")]
    if shown:
        lines += ["", "Options:"]
        for option in shown:
            lines += textwrap.wrap(
                describe(option), WIDTH - 12, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
            )
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    body = textwrap.indent(text, "        ").strip()
    return '        """%s%s"""' % (body, "\n        " if len(lines) > 1 else "")


def wrapped(words, indent):
    return "\n".join(textwrap.wrap(", ".join(words), WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False))


# ---- Files ----

HEAD = '"""Made by generate_options.py from the option table of libactmax; edits would be lost."""'


def module(table):
    out = [HEAD, "", "from typing import NamedTuple", "", "", "class Option(NamedTuple):"]
    out += ['    """A row of the option table; the bounds of what has none are 0."""', ""]
    out += ["    name: str\n    part: str\n    type: str\n    default: str\n    choices: str\n    minimum: float\n    maximum: float"]
    out += ["    help: str", "", "", "OPTIONS = ("]
    kinds = {INTEGER: "integer", NUMBER: "number", TEXT: "text", CHOICE: "choice", NUMBERS: "numbers", SWITCH: "switch"}
    for o in table:
        out.append("    Option(%r, %r, %r, %r, %r, %s, %s," % (*o[:2], kinds[o.type], *o[3:5], number(o.minimum), number(o.maximum)))
        out.append("           %r)," % o.help)
    out += [")", "", "", "class Calls:", '    """The methods of Model that take options; None stands for an option\'s default."""']
    for method in METHODS:
        options = [option for option in table if method.pick(option)]
        words = ["self"] + [name if default is None else "%s=%s" % (name, default) for name, _, default in method.arguments] + ["*"]
        words += ["%s=%s" % (name, default) for name, _, default in method.keywords]
        words += [option.name + "=None" for option in options] + ["**unknown"]
        given = [name for name, _, _ in method.arguments + method.keywords]
        out += ["", "    def %s(" % method.name, wrapped(words, "        ") + ",", "    ):"]
        out += [docstring(method, options)]
        out += ["        options = dict(", wrapped(["%s=%s" % (o.name, o.name) for o in options], "            ") + ",", "        )"]
        name = "_load" if method.name == "__init__" else "_" + method.name
        result = "" if method.name == "__init__" else "return "
        out += ["        %sself.%s(%s)" % (result, name, ", ".join(given + ["options", "unknown"]))]
    return "\n".join(out) + "\n"


def stub(table):
    out = [HEAD, "", "import os", "from collections.abc import Callable, Mapping, Sequence", "from typing import Literal, NamedTuple", ""]
    out += ["import numpy.typing as npt", "", "from ._progress import Progress", "from ._results import Gradient, Map, Picture, Sheet"]
    out += ["from ._types import FilterLike, ImageLike, LayerLike, TargetLike", "", "class Option(NamedTuple):"]
    out += ["    name: str\n    part: str\n    type: str\n    default: str\n    choices: str\n    minimum: float\n    maximum: float"]
    out += ["    help: str", "", "OPTIONS: tuple[Option, ...]", "", "class Calls:"]
    for method in METHODS:
        out += ["    def %s(" % method.name, "        self,"]
        for name, kind, default in method.arguments:
            out.append("        %s: %s%s," % (name, kind, "" if default is None else " = " + default))
        out.append("        *,")
        for name, kind, default in method.keywords:
            out.append("        %s: %s = %s," % (name, kind, default))
        for option in table:
            if method.pick(option):
                out.append("        %s: %s | None = None," % (option.name, annotation(option)))
        out.append("    ) -> %s: ..." % method.result)
    return "\n".join(out) + "\n"


def main():
    words = [word for word in sys.argv[1:] if word != "--check"]
    if len(words) != 1:
        raise SystemExit("usage: generate_options.py LIBACTMAX.so [--check]")
    table = read_table(words[0])
    stale = 0
    for name, content in (("_options.py", module(table)), ("_options.pyi", stub(table))):
        path = HERE / "actmax" / name
        if "--check" not in sys.argv:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print("%s is not what the option table says; run generate_options.py without --check" % path)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
