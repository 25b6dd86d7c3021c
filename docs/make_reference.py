"""Writes docs/api.md, docs/options.md, docs/operators.md and docs/keras.md: the reference, made of what the library and its sources say themselves.

    python3 docs/make_reference.py build/release/lib/libactmax.so [--check]

api.md is made of the comments of include/actmax.h, options.md of the library's option table (actmax_option_*), operators.md of its
operators (actmax_operator_*), the opsets of lib/loaders/onnx/translate.def and the counts of tests/golden/onnx_conformance.txt,
keras.md of layers.def and operations.def in lib/loaders/keras and of what its translations refuse.
--check writes nothing and fails when a committed file is not what would be written. Run it after a change of any of these. Python's
standard library only.
"""

import ctypes
import pathlib
import re
import sys
import textwrap

SOURCE = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 132
TYPES = {1: "integer", 2: "number", 3: "text", 4: "choice", 5: "numbers", 6: "switch"}

# Which functions read the options of a part. Recipe parts are named by the library; these are the other concerns.
CONCERNS = {
    "preset": "Read by all that reads an option: what a preset gives stands in for the default. See [presets](presets.md).",
    "load": "Read by `actmax_model_load` and `actmax_model_load_memory`.",
    "preprocess": "Read when the model is loaded.",
    "limits": "Read when a model or an image is loaded.",
    "session": "Read by `actmax_session_new`, and by the short forms `actmax_model_maximize` and `actmax_model_grad_cam`.",
    "target": "Read by maximise and gradient; `bypass` by Grad-CAM and saliency too.",
    "image": "Read by maximise.",
    "run": "Read by maximise.",
    "sheet": "Read by `actmax_session_maximize_sheet`.",
    "optimizer": "Read by maximise.",
    "cam": "Read by Grad-CAM and saliency; `backprop` by gradient too.",
    "overlay": "`colormap` is read wherever a map is drawn, `alpha` by `actmax_image_overlay`.",
}


class Library:
    """The tables of a libactmax.so."""

    def __init__(self, path):
        self._library = ctypes.CDLL(str(pathlib.Path(path).resolve()))
        self.options = self._table("option", "id name part type default choices minimum maximum help", {"minimum", "maximum"}, {"id", "type"})
        self.parts = {row["name"]: row["kind"] for row in self._table("part", "name kind")}
        self.presets = self._presets()
        self.operators = [row["name"] for row in self._table("operator", "name")]

    def _presets(self):
        """{preset: {option: value}}."""
        get = self._library
        for name in ("preset_name", "preset_option_name", "preset_option_value"):
            getattr(get, "actmax_" + name).restype = ctypes.c_char_p
        return {
            get.actmax_preset_name(p).decode(): {
                get.actmax_preset_option_name(p, i).decode(): get.actmax_preset_option_value(p, i).decode()
                for i in range(get.actmax_preset_option_count(p))
            }
            for p in range(get.actmax_preset_count())
        }

    def _table(self, noun, columns, doubles=frozenset(), integers=frozenset()):
        rows = [{} for _ in range(getattr(self._library, f"actmax_{noun}_count")())]
        for column in columns.split():
            getter = getattr(self._library, f"actmax_{noun}_{column}")
            getter.restype = ctypes.c_double if column in doubles else ctypes.c_int32 if column in integers else ctypes.c_char_p
            for index, row in enumerate(rows):
                value = getter(index)
                row[column] = value.decode("utf-8") if isinstance(value, bytes) else value
        return rows


# ---- Words ----


def marked(text):
    """Prose of a comment as Markdown: names and quoted literals as code, the rest escaped."""
    pieces = re.split(r'(`[^`]+`|"[^"\n]*"|\b(?:actmax|ACTMAX)_\w+(?:\.\.\.|\*|\(\))?|\b\w+\(NULL\)|`)', text)
    for i, piece in enumerate(pieces):
        if i % 2 == 0:
            pieces[i] = re.sub(r"([*<|])", r"\\\1", piece)
        elif not piece.startswith("`"):
            pieces[i] = "`" + piece + "`"
    return "".join(pieces)


def cell(text):
    return marked(text).replace("\n", " ")


def filled(text):
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def paragraph(text):
    return filled(marked(text))


def table(head, rows):
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def slug(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def made_of(what):
    return f"<!-- Made by docs/make_reference.py from {what}; edits would be lost. -->"


# ---- api.md ----


def comment_text(lines):
    """The words of a C comment, without its frame."""
    text = "\n".join(lines).strip()
    text = re.sub(r"^/\*+ ?|\s*\*/$", "", text)
    return "\n".join(re.sub(r"^ \* ?", "", line) for line in text.split("\n"))


def essay(header):
    """The comment at the top of the header."""
    text = comment_text(header[: header.index("*/") + 2].split("\n")).strip()
    out = []
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            out += ["```c", textwrap.dedent(block), "```"]
        elif re.fullmatch(r"[A-Z ]+", block):
            out.append("## " + block.capitalize())
        else:
            named = re.match(r"([A-Z]+(?: [A-Z]+)*)\. (.*)", block, re.S)
            out.append(filled(f"**{named[1].capitalize()}.** {marked(named[2])}") if named else paragraph(block))
        out.append("")
    return out


def groups(body):
    """[(comment or None, [lines of code])]: a comment and the declarations below it, up to an empty line or the next comment."""
    found, comment, code = [], None, []
    lines = iter(body.split("\n"))
    for line in lines:
        if line.startswith("/*") or not line.strip():
            if comment or code:
                found.append((comment, code))
            comment, code = None, []
        if line.startswith("/*"):
            taken = [line]
            while "*/" not in taken[-1]:
                taken.append(next(lines))
            comment = comment_text(taken)
        elif line.strip() and not re.match(r"#if|#endif|extern|}", line):
            code.append(line)
    return found + ([(comment, code)] if comment or code else [])


def constants(code):
    """Rows (name, value, meaning) when the code is #define lines only, else None."""
    rows = [re.fullmatch(r"#define (\w+) (.+?)(?:\s+/\* (.*) \*/)?", line) for line in code]
    return [[f"`{row[1]}`", f"`{row[2].strip('()')}`", cell(row[3] or "")] for row in rows] if all(rows) else None


def declarations(code):
    """Without the export macro; continued lines keep their place below the first argument."""
    out, shift = [], 0
    for line in code:
        if line.startswith("ACTMAX_API "):
            line, shift = line[len("ACTMAX_API ") :], len("ACTMAX_API ")
        elif line.startswith(" "):
            line = line[shift:]
        else:
            shift = 0
        out.append(line)
    return out


def api(header):
    sections = re.split(r"^/\* ---- (.+?) -+ \*/$", header[header.index("*/") + 2 :], flags=re.M)
    names = []
    out = [made_of("include/actmax.h"), "# actmax: C API", ""]
    out += [*essay(header), "## All functions", "", None, ""]
    for title, body in zip(sections[1::2], sections[2::2]):
        out += [f"## {title}", ""]
        for comment, code in groups(body):
            names += [(name, title) for name in re.findall(r"\b(actmax_\w+)\(", " ".join(code)) if not name.endswith("_fn")]
            rows = constants(code) if code else None
            if comment:
                out += [paragraph(comment), ""]
            if rows:
                out += table(["constant", "value", "meaning"], rows) + [""]
            elif code:
                out += ["```c declaration", *declarations(code), "```", ""]
    declared = set(re.findall(r"ACTMAX_API [^(]*?\b(actmax_\w+)\(", header))
    if {name for name, _ in names} != declared:
        raise SystemExit(f"actmax.h was not understood: {sorted(declared ^ {name for name, _ in names})}")
    by_section = {}
    for name, title in names:
        by_section.setdefault(title, []).append(f"`{name}`")
    out[out.index(None)] = "\n".join(table(["section", "functions"], [[f"[{t}](#{slug(t)})", ", ".join(n)] for t, n in by_section.items()]))
    return "\n".join(out)


# ---- options.md ----


def number(value):
    return "%d" % value if value == int(value) and abs(value) < 1e7 else "%.9g" % value


def bounds(option):
    if option["choices"]:
        return ", ".join(f"`{word}`" for word in option["choices"].split("|"))
    if TYPES[option["type"]] == "switch":
        return "0 or 1"
    return f"{number(option['minimum'])} to {number(option['maximum'])}" if TYPES[option["type"]] != "text" else ""


def options(library):
    out = [made_of("the option table of libactmax"), "# actmax: options", ""]
    text = f"""The {len(library.options)} options of a recipe. The same names serve everywhere: `actmax_recipe_set_number` and
        `actmax_recipe_set_text` in C, `Recipe::set` in C++, keywords in Python, and flags at a shell, where `_` is written `-`:
        `learning_rate` is `--learning-rate`. A switch that is on is turned off by `--no-NAME`. The number of an option is pinned: it
        never changes. This command prints the table:"""
    out += [filled(text), "", "```sh", "actmax options", "```", ""]
    parts = []
    for option in library.options:
        if option["part"] not in parts:
            parts.append(option["part"])
    for part in parts:
        if part not in CONCERNS and part not in library.parts:
            raise SystemExit(f"docs/make_reference.py: say in CONCERNS which functions read the options of '{part}'")
        out += [f"## {part}", ""]
        if part in CONCERNS:
            out += [CONCERNS[part], ""]
        if part in library.parts:
            out += [f"Options of the {library.parts[part]} `{part}` (`actmax_recipe_add_part`); read by maximise.", ""]
        rows = []
        for o in library.options:
            if o["part"] == part:
                default = f"`{o['default']}`" if o["default"] else ""
                rows.append([f"`{o['name']}`", TYPES[o["type"]], default, bounds(o), cell(o["help"]), str(o["id"])])
        out += table(["option", "type", "default", "values", "meaning", "number"], rows) + [""]
    out += ["## Presets", "", "What each gives in the place of the default; an empty place is the default.", ""]
    rows = []
    for o in library.options:
        values = [given.get(o["name"]) for given in library.presets.values()]
        if any(value is not None for value in values):
            rows.append([f"`{o['name']}`", *(f"`{value}`" if value is not None else "" for value in values)])
    out += table(["option", *library.presets], rows) + [""]
    return "\n".join(out)


# ---- operators.md ----


def opsets():
    """{ONNX operator: (first opset, last opset)} that the loader reads, and the newest opset."""
    folder = SOURCE / "lib" / "loaders" / "onnx"
    newest = None
    for path in sorted(folder.glob("*.[ch]")):
        found = re.search(r"AXM_ONNX_OPSET_LAST\s*=?\s+(\d+)", path.read_text(encoding="utf-8"))
        newest = int(found[1]) if found else newest
    if not newest:
        raise SystemExit("AXM_ONNX_OPSET_LAST was not found in lib/loaders/onnx")
    ranges = {}
    for name, first, last in re.findall(r"^X\((\w+), (\d+), (LAST|\d+),", (folder / "translate.def").read_text(encoding="utf-8"), re.M):
        last = newest if last == "LAST" else int(last)
        old = ranges.get(name, (int(first), last))
        ranges[name] = (min(old[0], int(first)), max(old[1], last))
    return ranges, newest


def conformance(table="onnx_conformance.txt"):
    """[(case, operator, state, reason)] of ONNX's cases."""
    lines = (SOURCE / "tests" / "golden" / table).read_text(encoding="utf-8").splitlines()
    rows = [line.split(None, 3) for line in lines if line and not line.startswith("#")]
    return [(row + [""])[:4] for row in rows if len(row) > 2]


def planning_only():
    """Operators that are evaluated while planning only; ops.def says which."""
    text = (SOURCE / "lib" / "ops" / "ops.def").read_text(encoding="utf-8")
    found = re.search(r"Evaluated while planning only.*?\n(.*?)\*/", text, re.S)
    if not found:
        raise SystemExit("lib/ops/ops.def no longer says what is evaluated while planning only")
    return set(re.findall(r"\w+", found[1]))


# ONNX's operators that are read as one of another name.
READ_AS = {"BatchNormalization": "in training mode: read as `BatchTraining`", "Cast": "to floats of 4 and 8 bits: read as `RoundFloat`", "CastLike": "read as `Cast`", "Swish": "read as `Sigmoid` and `Mul`", "SplitToSequence": "what its readers take of it",
           "SequenceConstruct": "what its readers take of it", "SequenceAt": "read as `SplitPart`, `Gather` or `Identity`",
           "ConcatFromSequence": "read as `Concat`"}


def releases():
    """Rows of the releases of ONNX whose cases have a table: release, newest opset, passed, refused, unchecked."""
    rows = []
    for path in sorted((SOURCE / "tests" / "golden").glob("onnx_conformance*.txt")):
        release = path.stem.partition("conformance")[2].strip("_") or "1.12"
        cases = [state for _, _, state, _ in conformance(path.name)]
        opset = int(release.split(".")[1]) + 5
        rows.append([release, str(opset), *(str(cases.count(state)) for state in ("passed", "refused", "unchecked"))])
    return rows


def operators(library):
    ranges, newest = opsets()
    cases = conformance()
    counts = {}
    for _, name, state, _ in cases:
        counts.setdefault(name, {}).setdefault(state, []).append(name)
    planning = planning_only()
    out = [made_of("actmax_operator_name, lib/loaders/onnx/translate.def and tests/golden/onnx_conformance.txt")]
    out += ["# actmax: operators", ""]
    loaded = f"""The operators that can be loaded from ONNX files up to opset {newest}. Each is computed forward and has the exact gradient
        with respect to its input; through the rounding of QuantizeLinear and of a Cast to 8 bits and fewer the
        gradient goes straight, and what the type's range cuts off has none. A Cast to 16 bits and more does not round: what is computed is
        float32. An operator marked *constants only* is
        computed while the model is loaded, on values that do not depend on the image. A network with another operator is refused while
        it is loaded, and the message names the operator, the opset and the node. This command prints the list:"""
    counted = """The cases are ONNX's own node tests, which `tests/unit/test_onnx_conformance.c` runs. Passed: the output is the one that ONNX
        gives. Refused: the case uses what actmax does not compute, and the reason is below. A case of several nodes counts for its last."""
    out += [filled(loaded), "", "```sh", "actmax ops", "```", "", filled(counted), ""]
    rows = []
    for name in sorted(set(library.operators) | set(ranges), key=str.lower):
        state = {key: len(value) for key, value in counts.get(name, {}).items()}
        reads = "%d to %d" % ranges[name] if name in ranges else ""
        note = "constants only" if name in planning or name not in library.operators else ""
        note = READ_AS.get(name, note)
        rows.append([f"`{name}`", reads, note, *(str(state.get(key, "")) for key in ("passed", "refused"))])
    total = [str(sum(state == key for _, _, state, _ in cases)) for key in ("passed", "refused")]
    out += table(["operator", "opsets", "remark", "cases passed", "cases refused"], rows + [["all", "", "", *total]])
    out += ["", "## Cases of each release of ONNX", ""]
    out += [filled("""The table above is of release 1.12. Newer releases have more cases, of newer opsets and types;
        `tests/full/onnx_cases.sh` runs them. Unchecked: a later release, or ONNX Runtime, gives another answer, which is ours."""), ""]
    out += table(["release", "newest opset", "cases passed", "cases refused", "unchecked"], releases())
    out += ["", "## What is refused, and why", ""]
    reasons = {}
    for _, name, state, reason in cases:
        if state == "refused":
            reason = re.sub(r"'[^']*'", "'...'", re.sub(r"^(input \d+: )?(node|tensor) '[^']*'( \(\w+\):?)? ?", "", reason))
            reasons.setdefault((name, reason), 0)
            reasons[name, reason] += 1
    out += table(["operator", "cases", "reason"], [[f"`{name}`", str(n), cell(reason)] for (name, reason), n in sorted(reasons.items())])
    return "\n".join(out + [""])


# ---- keras.md ----


def keras_refusals():
    """What translations refuse, as the messages say it."""
    found = set()
    for path in sorted((SOURCE / "lib" / "loaders" / "keras").glob("*.c")):
        found.update(re.findall(r'axm_keras_refuse\(call,\s*"([^"]*)"', path.read_text(encoding="utf-8")))
    return sorted(found)


def keras():
    folder = SOURCE / "lib" / "loaders" / "keras"
    layers = re.findall(r'^X\((\w+), "[^"]*", (\w+)\)', (folder / "layers.def").read_text(encoding="utf-8"), re.M)
    raw = re.findall(r'^X\((\w+), "([^"]*)", (\w+)\)', (folder / "operations.def").read_text(encoding="utf-8"), re.M)
    computed = sorted((name for name, what in layers if what != "identity"), key=str.lower)
    identical = sorted((name for name, what in layers if what == "identity"), key=str.lower)
    out = [made_of("lib/loaders/keras"), "# actmax: Keras's layers", ""]
    out += [filled("""Whole models as `.h5`, `.hdf5` and `.keras`, and `model.to_json()` beside a file of weights, Sequential, functional and nested,
        from Keras 2.0 on. Layers have Keras's names and shapes; a layer with an activation shows what follows it, and "NAME/pre_activation"
        is what comes before. A layer that is called again has "NAME/call_2", one of a nested model "MODEL/NAME";
        an operation that gives several tensors (split, unstack) "NAME" and "NAME/output_2".
        The option `activations` puts others in the place of a file's, as setting `layer.activation` and saving the model again does:
        `block3_conv3=linear,fc1=tanh`.""")]
    names = lambda items: filled(", ".join(f"`{item}`" for item in items) + ".")  # noqa: E731
    out += ["", "## Layers that are computed", "", names(computed), "", "## Layers that do nothing when a network is used", ""]
    out += [names(identical), "", "## Raw operations of functional models", ""]
    out += [filled("""What `x + 1`, `keras.ops.relu6(x)` or `tf.nn.silu(x)` leave in a functional model, by the names of Keras 3's operations and of
        TensorFlow's functions in Keras 2's files. TensorFlowOpLayer, by which TensorFlow 2.2 and 2.3 recorded the nodes of its graph, is
        read as the function that does the same (lib/loaders/keras/nodes.def)."""), ""]
    out += table(["keras.ops", "TensorFlow"], [[f"`{name}`", " ".join(f"`{word}`" for word in tf.split())] for name, tf, _ in raw])
    out += ["", "## Where versions and backends of Keras differ", "", filled("""Files do not say which backend wrote them; these are TensorFlow's
        numbers:"""), ""]
    out += ["- `bicubic` of Resizing and UpSampling2D is Keys's cubic with a = -1/2 (PyTorch: -3/4), its weights beyond the edge left out.",
            "- AveragePooling with `same` padding divides by what lies inside (PyTorch under Keras 3: by the whole window when the padding is uneven).",
            "- RandomCrop gives the largest middle part of the wanted proportions, resized, as its documentation and Keras 2 have it (Keras 3.15 gives",
            "  its input unchanged).",
            "- `sparsemax` is what every backend of Keras 3 computes, which differs from its paper: lib/kernels/sparsemax.c."]
    out += ["", "## What is refused", ""]
    out += [filled("""A Lambda layer's Python code is not run (but for the scaled residuals of keras.applications' InceptionResNetV2), nor a custom
        layer's. Layers and operations that are not above are refused by name, and so are these settings of those that are:"""), ""]
    out += [f"- {text}" for text in keras_refusals()]
    return "\n".join(out + [""])


def main():
    words = [word for word in sys.argv[1:] if word != "--check"]
    if len(words) != 1:
        raise SystemExit("usage: make_reference.py LIBACTMAX.so [--check]")
    library = Library(words[0])
    header = (SOURCE / "include" / "actmax.h").read_text(encoding="utf-8")
    stale = []
    for name, text in (("api.md", api(header)), ("options.md", options(library)), ("operators.md", operators(library)),
                       ("keras.md", keras())):
        path, text = SOURCE / "docs" / name, text.rstrip("\n") + "\n"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(f"docs/{name}")
    if stale:
        print(f"not what the header and the library say: {', '.join(stale)}; run python3 docs/make_reference.py LIBACTMAX.so")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
