"""Failures: the kind, the Python exception that fits, and a message that helps."""

import pickle

import numpy as np
import pytest

import actmax
from actmax import _errors


def test_kinds_are_python_exceptions_too():
    fits = {
        actmax.InvalidError: ValueError,
        actmax.OutOfMemoryError: MemoryError,
        actmax.FileError: OSError,
        actmax.FormatError: ValueError,
        actmax.UnsupportedError: NotImplementedError,
        actmax.NotFoundError: LookupError,
        actmax.MissingFileError: FileNotFoundError,
        actmax.UnknownOptionError: TypeError,
        actmax.AmbiguousError: LookupError,
        actmax.LimitError: ValueError,
        actmax.ShapeError: ValueError,
        actmax.NumericError: ArithmeticError,
        actmax.InternalError: RuntimeError,
    }
    for kind, builtin in fits.items():
        error = kind("what, where, what to do")
        assert isinstance(error, actmax.ActmaxError) and isinstance(error, builtin)
        assert str(error) == "what, where, what to do"
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert issubclass(actmax.MissingFileError, actmax.NotFoundError)


def test_every_status_has_a_class(root):
    """The numbers of actmax.h."""
    header = (root / "include" / "actmax.h").read_text(encoding="utf-8")
    numbers = [int(line.split("(")[1].split(")")[0]) for line in header.splitlines() if line.startswith("#define ACTMAX_ERROR_")]
    assert sorted(numbers) == sorted(_errors._BY_STATUS)
    assert all(_errors.of_status(number, "m").status == number for number in numbers)
    unknown = _errors.of_status(-99, "of a newer library")
    assert type(unknown) is actmax.ActmaxError and unknown.status == -99


def test_files(tmp_path):
    with pytest.raises(actmax.MissingFileError, match="no such.onnx"):
        actmax.Model(tmp_path / "no such.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(actmax.FormatError, match="text.onnx"):
        actmax.Model(tmp_path / "text.onnx")
    (tmp_path / "checkpoint.onnx").write_bytes(b"PK\3\4" + bytes(100))
    with pytest.raises(actmax.FormatError, match="checkpoint.onnx.*torch.onnx.export"):
        actmax.Model(tmp_path / "checkpoint.onnx")
    with pytest.raises(actmax.FileError):
        actmax.Model(tmp_path)
    with pytest.raises(actmax.InvalidError, match="NUL"):
        actmax.Model("a\0b")


def test_names(model, examples):
    with pytest.raises(actmax.NotFoundError, match="32"):
        model.maximize("conv2", 32)
    with pytest.raises(actmax.NotFoundError, match="no filter -1"):
        model.maximize("conv2", -1)
    with pytest.raises(actmax.NotFoundError, match="nearest: 'conv2'.*; model.layers lists all"):
        model.grad_cam(np.zeros((28, 28), np.uint8), layer="conv22")
    for target in (10, -1):
        with pytest.raises(actmax.NotFoundError):
            model.grad_cam(np.zeros((28, 28), np.uint8), target)
    with pytest.raises(actmax.NotFoundError, match="there is no layer 99"):
        model.activations(np.zeros((28, 28), np.uint8), 99)
    with pytest.raises(actmax.NotFoundError, match="it has: 'image'") as caught:
        actmax.Model(examples / "fashion_mnist.onnx", input="picture")
    assert not isinstance(caught.value, FileNotFoundError)  # the file is there


def test_options(model, examples):
    with pytest.raises(actmax.UnknownOptionError, match=r"maximize\(\) has no option 'step'; nearest: 'steps'"):
        model.maximize("conv2", 3, step=5)
    with pytest.raises(actmax.UnknownOptionError, match="'preprocess'"):
        actmax.Model(examples / "fashion_mnist.onnx", preproces="unit")
    with pytest.raises(TypeError, match="grad_cam"):
        model.grad_cam(np.zeros((28, 28), np.uint8), steps=3)
    with pytest.raises(actmax.InvalidError, match="raw|unit|tf|torch|caffe"):
        actmax.Model(examples / "fashion_mnist.onnx", preprocess="pytorch")
    with pytest.raises(ValueError, match="steps"):
        model.maximize("conv2", 3, steps=0)
    with pytest.raises(actmax.InvalidError, match="whole number"):
        model.maximize("conv2", 3, steps=1.5)
    with pytest.raises(actmax.InvalidError, match="neither"):
        model.maximize("conv2", 3, steps=object())
    with pytest.raises(actmax.InvalidError, match="a filter is a number"):
        model.maximize("conv2", 1.5)
    with pytest.raises(actmax.LimitError, match="limit_image_side"):
        actmax.Model(examples / "fashion_mnist.onnx", preprocess="unit", limit_image_side=20)


def test_unsupported():
    from onnx_writer import Graph

    graph = Graph("odd", "image", [1, 1, 4, 4])
    x = graph.node("NoSuchOperator", "odd", ["image"])
    with pytest.raises(actmax.UnsupportedError, match="NoSuchOperator"):
        actmax.Model(graph.to_bytes(x, [1, 1, 4, 4]), preprocess="raw")
