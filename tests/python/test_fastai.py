"""actmax.fastai against the published notebook: tests/golden/presets/fastai.txt, by make_preset_runs.py."""

import inspect
import warnings

import numpy as np
import pytest
from conftest import ROOT, Graph, raw

import actmax
from actmax.fastai import FilterVisualizer


@pytest.fixture
def load():
    return lambda side: actmax.Model(ROOT / "tests" / "golden" / "presets.h5", preprocess="torch", input_size=side)


def features(kinds):
    """A network whose modules have torchvision's names; "-" is one that is missing."""
    graph, x, channels = Graph("features", "image", [1, 3, "height", "width"]), "image", 3
    for number, kind in enumerate(kinds.split()):
        name, weights = f"/features/features.{number}/{kind}", []
        if kind == "Conv":
            weights, channels = [graph.tensor(f"w{number}", [2, channels, 1, 1], raw(np.ones((2, channels, 1, 1))))], 2
        options = {"kernel_shape": [1, 1]} if kind == "MaxPool" else {}
        x = x if kind == "-" else graph.node(kind, name, [x, *weights], **options)
    return graph.to_bytes(x, [1, 2, "height", "width"])


def test_signatures():
    """Those that the article types."""
    wanted = {"size": 56, "upscaling_steps": 12, "upscaling_factor": 1.2}
    ctor = inspect.signature(FilterVisualizer).parameters.values()
    assert {p.name: p.default for p in ctor if p.kind is p.POSITIONAL_OR_KEYWORD} == wanted
    given = inspect.signature(FilterVisualizer.visualize).parameters
    assert list(given) == ["self", "layer", "filter", "lr", "opt_steps", "blur"]
    assert [p.default for p in given.values()][3:] == [0.1, 20, None]


def test_own_noise(load):
    visualizer = FilterVisualizer(size=16, upscaling_steps=3, model=load(16), seed=3)
    first, second = visualizer.visualize("conv2", 2), visualizer.visualize("conv2", 2)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (22, 22, 3)


def test_numbers_are_those_of_features():
    """As the article numbers the layers of vgg16_bn: VGG16's torchvision names."""
    visualizer = FilterVisualizer(model=features("Conv Relu"), input_size=8)
    assert visualizer._layer(1).name == "/features/features.1/Relu" and visualizer._layer("x") == "x"
    with pytest.raises(actmax.NotFoundError, match="features.2.*model.layers"):
        visualizer.visualize(2, 0)


def test_numbers_without_features(load):
    assert FilterVisualizer(size=16, model=load(16))._layer(1) == 1


def test_folded_normalisation():
    """What torch.onnx.export makes of vgg16_bn without being asked: features.1 is not there."""
    visualizer = FilterVisualizer(8, 1, model=features("Conv - Relu Conv"), input_size=8)
    with pytest.warns(actmax.ActmaxWarning, match="features.3.*folded.*optimize=False") as said:
        visualizer.visualize(3, 0, opt_steps=1)
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visualizer.visualize(2, 0, opt_steps=1)  # no convolution
        for kinds in ("Conv Relu MaxPool Conv", "Conv Relu Conv Relu"):  # AlexNet's, VGG16's
            FilterVisualizer(8, 1, model=features(kinds), input_size=8).visualize(0, 0, opt_steps=1)


def test_sizes(load):
    sides = FilterVisualizer(model=load(16)).sizes()
    assert sides == [56, 67, 80, 96, 115, 138, 165, 198, 237, 284, 340, 408]


def test_most_activated(load):
    """Means of PyTorch's, of raw pixels in the place of normalised ones."""
    means, photo = lines("presets_fastai.txt")["means"], lines("presets.txt")["photo"].reshape(16, 16, 3)
    found = FilterVisualizer(size=16, upscaling_steps=1, model=load(16)).most_activated(photo, "conv2", 3)
    order = np.argsort(-means)[:3]
    assert [filter for filter, _ in found] == list(order)
    np.testing.assert_allclose([mean for _, mean in found], means[order], rtol=1e-4)


def test_refusals(load):
    with pytest.raises(actmax.InvalidError, match="model="):
        FilterVisualizer()
    with pytest.raises(actmax.InvalidError, match="visualize"):
        FilterVisualizer(model=load(16)).image()


def lines(name):
    """{line's name: array} of a file of lines NAME COUNT value*COUNT."""
    rows = (line.split() for line in (ROOT / "tests" / "golden" / name).read_text(encoding="utf-8").splitlines())
    return {words[0]: np.array(words[2:], np.float64) for words in rows}


def hashed(low, high, shape):
    """The start of tests/golden/make_preset_runs.py: 32-bit hashes of the positions, in whole levels."""
    x = np.arange(1, np.prod(shape) + 1, dtype=np.uint32) * np.uint32(2654435761)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    return np.floor(low + (high - low) * (x / 2**32)).astype(np.int64).reshape(shape)


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_published_notebook(steps, load, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(np.random, "randint", hashed)
    visualizer = FilterVisualizer(size=16, upscaling_steps=3, model=load(40))  # another size than any of the picture's
    found = visualizer.visualize("conv2", 1, opt_steps=steps, blur=3)
    deviation, mean = np.array([0.229, 0.224, 0.225]), np.array([0.485, 0.456, 0.406])
    wanted = lines("presets/fastai.txt")[f"steps_{steps}"].reshape(22, 22, 3) * deviation + mean
    assert found is visualizer.output and found.shape == wanted.shape
    assert np.abs(found - np.clip(wanted, 0, 1)).max() < 1e-3
    assert visualizer.save("conv2", 1) == "layer_conv2_filter_1.jpg"
    assert actmax.load_image(tmp_path / "layer_conv2_filter_1.jpg").shape == wanted.shape
