"""VGG16 as the tutorial loads it: from Keras's cache, with only the import changed."""

import inspect
import struct
import zipfile
import zlib

import numpy as np
import pytest
from conftest import ROOT

import actmax
from actmax.vis.applications import VGG16, VGG19

SMALL = ROOT / "tests" / "golden" / "vis" / "vgg16.h5"
FILE = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of Keras's."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def restore(path):
    """VGG16's file with holes for its numbers: tests/golden/make_keras_vgg16.py."""
    data = zlib.decompress((ROOT / "tests" / "golden" / "keras" / "vgg16.sparse").read_bytes())
    (size,), at = struct.unpack_from("<q", data), 8
    with open(path, "wb") as file:
        file.truncate(size)
        while at < len(data):
            offset, length = struct.unpack_from("<qq", data, at)
            file.seek(offset)
            file.write(data[at + 16 : at + 16 + length])
            at += 16 + length


def test_from_the_cache(cache, capsys):
    restore(cache / FILE)
    model = VGG16(weights="imagenet", include_top=True)
    model.summary()
    assert "Total params: 138,357,544" in capsys.readouterr().out
    assert model.input_shape == (None, 224, 224, 3) and model.layers[-1].name == "predictions"
    assert VGG16(weights=cache / FILE, input_shape=(224, 224, 3)).count_params() == 138357544


def test_without_top(tmp_path):
    """A VGG19 of few channels that Keras wrote: tests/golden/make_keras_goldens.py, whose list ends with its last convolution's output."""
    with zipfile.ZipFile(ROOT / "tests" / "golden" / "keras" / "networks.zip") as archive:
        path = archive.extract("vgg19_notop.h5", tmp_path)
        assert archive.read("index.txt").decode().split("\n")[-2] == "vgg vgg19_notop.h5 64 block5_conv4 1x4x4x6"
        conv = np.frombuffer(archive.read("values.bin"), "<f4")[-4 * 4 * 6 :].reshape(4, 4, 6)
    model = VGG19(weights=path, include_top=False, input_shape=(64, 64, 3))
    assert model.input_shape == (None, 64, 64, 3) and model.layers[-1].name == "block5_pool"
    x = ((np.arange(64 * 64 * 3) * 7919 % 256) / 256).astype(np.float32).reshape(1, 64, 64, 3)
    pooled = conv.reshape(2, 2, 2, 2, 6).max((1, 3))
    np.testing.assert_allclose(model.predict(x)[0], pooled, rtol=1e-5, atol=1e-5 * np.abs(conv).max())


def test_not_in_the_cache(cache):
    for make, include_top, file in ((VGG16, True, FILE), (VGG19, False, "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")):
        with pytest.raises(FileNotFoundError, match=rf"{file} is not here.*https://.*/{file}.*weights=PATH"):
            make(include_top=include_top)


def test_signature():
    """The first of keras.applications', which the tutorials use by name or place."""
    words = ["include_top", "weights", "input_tensor", "input_shape", "pooling", "classes"]
    for make in (VGG16, VGG19):
        given = inspect.signature(make).parameters
        assert list(given)[:6] == words
        assert [given[word].default for word in words] == [True, "imagenet", None, None, None, 1000]


def test_other_files_and_refusals(cache):
    assert VGG16(weights=SMALL).count_params() == 30880
    with pytest.raises(actmax.UnsupportedError, match="no random networks"):
        VGG16(weights=None)
    with pytest.raises(actmax.UnsupportedError, match="pooling"):
        VGG16(weights=SMALL, pooling="avg")
    with pytest.raises(actmax.InvalidError, match="224"):
        VGG16(weights=SMALL, input_shape=(64, 64, 3))
