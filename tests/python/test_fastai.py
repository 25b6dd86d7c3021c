"""actmax.fastai against the published notebook: tests/golden/presets/fastai.txt, by make_preset_runs.py."""

import inspect

import numpy as np
import pytest
from conftest import ROOT, Graph, raw

import actmax
from actmax.fastai import FilterVisualizer


@pytest.fixture
def load():
    return lambda side: actmax.Model(ROOT / "tests" / "golden" / "presets.h5", preprocess="torch", input_size=side)


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
    graph = Graph("features", "image", [1, 3, "height", "width"])
    first = graph.node("Conv", "/features/features.0/Conv", ["image", graph.tensor("w", [2, 3, 1, 1], raw(np.ones((2, 3, 1, 1))))])
    last = graph.node("Relu", "/features/features.2/Relu", [first])
    visualizer = FilterVisualizer(model=graph.to_bytes(last, [1, 2, "height", "width"]), input_size=8)
    assert visualizer._layer(2).name == "/features/features.2/Relu" and visualizer._layer(1) == 1


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
