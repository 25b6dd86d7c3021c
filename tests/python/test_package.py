"""The package itself: where it finds the library, and that what is generated is current."""

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import actmax
from actmax import _options

METHODS = ("__init__", "gradient", "maximize", "maximize_each", "maximize_sheet", "grad_cam", "saliency")


def run(code, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in ("ACTMAX_LIBRARY", "PYTHONPATH", "LD_LIBRARY_PATH")}
    return subprocess.run([sys.executable, "-c", code], env={**clean, **environment}, cwd="/", text=True, capture_output=True)


def test_no_variable_and_any_folder():
    done = run("import actmax; print(actmax.library_path(), actmax.__version__)")
    path, version = done.stdout.split()
    assert os.path.dirname(path) == os.path.dirname(actmax.__file__) and version == actmax.__version__


def test_only_numpy_is_needed():
    done = run("import sys, actmax; print(*sorted({name.split('.')[0] for name in sys.modules}))")
    assert "numpy" in done.stdout and not {"PIL", "onnx", "matplotlib", "tqdm"} & set(done.stdout.split())


def test_library_of_the_variable(tmp_path):
    copy = tmp_path / "other.so"
    shutil.copy(actmax.library_path(), copy)
    assert run("import actmax; print(actmax.library_path())", ACTMAX_LIBRARY=str(copy)).stdout.strip() == str(copy)
    failed = run("import actmax", ACTMAX_LIBRARY=str(tmp_path / "none.so"))
    assert failed.returncode and "ImportError" in failed.stderr and "ACTMAX_LIBRARY names it" in failed.stderr


def test_version(root):
    header = (root / "include" / "actmax.h").read_text(encoding="utf-8")
    number = ".".join(re.search(r"#define ACTMAX_VERSION_%s (\d+)" % part, header)[1] for part in ("MAJOR", "MINOR", "PATCH"))
    project = (root / "bindings" / "python" / "pyproject.toml").read_text(encoding="utf-8")
    assert actmax.__version__ == number and 'version = "%s"' % number in project


def test_features_and_operators():
    assert actmax.features()["onnx"] is True and {"Conv", "Relu", "Gemm"} <= set(actmax.operators())


def test_generated_files_are_current(root):
    """What is committed is what the generator makes of the option table."""
    script = root / "bindings" / "python" / "generate_options.py"
    done = subprocess.run([sys.executable, "-B", script, actmax.library_path(), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("_options.py", "_options.pyi"):
        assert (root / "bindings" / "python" / "actmax" / name).read_text() == open(
            os.path.join(os.path.dirname(actmax.__file__), name)
        ).read()


def test_every_option_is_a_keyword(root):
    """Each row of options.def is taken by some method, or by overlay()."""
    table = (root / "lib" / "api" / "options.def").read_text(encoding="utf-8")
    names = re.findall(r'^X\(\d+, "\w+", "(\w+)"', table, re.M)
    assert [option.name for option in actmax.OPTIONS] == names
    keywords = {name for method in METHODS for name in inspect.signature(getattr(_options.Calls, method)).parameters}
    assert set(names) - keywords == {"alpha"} and "alpha" in inspect.signature(actmax.overlay).parameters


def test_docstrings_and_stubs(root):
    stub = ast.parse((root / "bindings" / "python" / "actmax" / "_options.pyi").read_text(encoding="utf-8"))
    calls = next(node for node in stub.body if isinstance(node, ast.ClassDef) and node.name == "Calls")
    stubs = {node.name: node.args for node in calls.body if isinstance(node, ast.FunctionDef)}
    assert set(stubs) == set(METHODS)
    help_of = {option.name: option.help for option in actmax.OPTIONS}
    for method in METHODS:
        function = getattr(actmax.Model, method)
        names = [name for name in inspect.signature(function).parameters if name != "unknown"]
        assert [a.arg for a in stubs[method].args + stubs[method].kwonlyargs] == names
        text = " ".join(function.__doc__.split())
        if method == "maximize_sheet":  # its own; the others are maximize()'s
            names = [name for name in names if name.startswith("sheet")]
        if method != "maximize_each":
            assert all(" ".join(help_of[name].split()) in text for name in names if name in help_of), method
    for name in ("predict", "activations", "strongest", "find_layer", "summary", "layers"):
        assert name == "layers" or getattr(actmax.Model, name).__doc__


@pytest.mark.parametrize("name", ["minimal.py"])
def test_example(root, tmp_path, name):
    words = [sys.executable, "-B", root / "examples" / name, root / "examples" / "fashion_mnist.onnx", "conv2"]
    words += ["unit", root / "examples" / "fashion_boot.png", tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "class 9" in done.stdout and len(list(tmp_path.glob("*.png"))) == 5
    assert actmax.load_image(tmp_path / "overlay.png").shape == (28, 28, 3)
    assert np.ptp(actmax.load_image(tmp_path / "filter0.png")) > 0
