"""Writes vis/signatures.json: the public functions, classes and methods of keras-vis 0.5.0 with their parameters and defaults, from its
source, for tests/python/test_vis_names.py.

usage: make_vis_signatures.py KERAS_VIS [FOLDER]     (KERAS_VIS: a checkout of raghakot/keras-vis)

{module: {name: [parameter, "parameter=default", "**rest", ...]}}; a method is "Class.method", a name of several "a = b = c" too.
"""
import ast
import json
import pathlib
import sys

MODULES = {
    "vis.visualization": ["visualization/__init__.py", "visualization/activation_maximization.py", "visualization/saliency.py"],
    "vis.utils.utils": ["utils/utils.py"],
    "vis.backend": ["backend/tensorflow_backend.py"],
    **{f"vis.{name}": [f"{name}.py"] for name in ("backprop_modifiers", "callbacks", "grad_modifiers", "input_modifiers", "losses", "optimizer", "regularizers")},
}


def parameters(function):
    given = function.args
    assert not (given.posonlyargs or given.kwonlyargs)
    defaults = [None] * (len(given.args) - len(given.defaults)) + given.defaults
    found = [arg.arg if default is None else f"{arg.arg}={ast.literal_eval(default)!r}" for arg, default in zip(given.args, defaults, strict=True)]
    return found + ([f"*{given.vararg.arg}"] if given.vararg else []) + ([f"**{given.kwarg.arg}"] if given.kwarg else [])


def public(name):
    return name == "__init__" or not name.startswith("_")


def names_of(tree):
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and public(node.name):
            found[node.name] = parameters(node)
        elif isinstance(node, ast.ClassDef) and public(node.name):
            found[node.name] = None  # a class
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and public(method.name):
                    found[f"{node.name}.{method.name}"] = parameters(method)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in found:
            for target in node.targets:
                found[target.id] = found[node.value.id]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and public(node.targets[0].id):
            if isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "").startswith("_"):  # slicer
                found[node.targets[0].id] = None
    return found


def main():
    source = pathlib.Path(sys.argv[1]) / "vis"
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).parent / "vis"
    table = {}
    for module, files in MODULES.items():
        table[module] = {}
        for file in files:
            table[module].update(names_of(ast.parse((source / file).read_text(encoding="utf-8"))))
    (folder / "signatures.json").write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(sum(map(len, table.values())), "names")


main()
