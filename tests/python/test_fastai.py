"""actmax.fastai against the article's loop in PyTorch and OpenCV: tests/golden/make_fastai_goldens.py."""

import numpy as np
import pytest
from conftest import ROOT, Graph, raw

import actmax
from actmax.fastai import FilterVisualizer


@pytest.fixture(scope="module")
def gold():
    return np.load(ROOT / "tests" / "golden" / "vis" / "fastai.npz")


@pytest.fixture
def load(gold):
    graph = Graph("smooth", "image", [1, 3, "height", "width"])
    x = graph.node("Conv", "conv1", ["image", graph.tensor("w1", [4, 3, 3, 3], raw(gold["first"]))], kernel_shape=[3, 3], pads=[1] * 4)
    x = graph.node("Softplus", "softplus", [x])
    x = graph.node("Conv", "conv2", [x, graph.tensor("w2", [5, 4, 3, 3], raw(gold["second"]))], kernel_shape=[3, 3], pads=[1] * 4)
    data = graph.to_bytes(x, [1, 5, "height", "width"])
    return lambda side: actmax.Model(data, preprocess="torch", input_size=side)


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_visualize(gold, load, scales, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(np.random, "randint", lambda low, high, shape: gold["start"])
    visualizer = FilterVisualizer(size=16, upscaling_steps=scales, load=load)
    found = visualizer.visualize("conv2", 2, blur=5)
    wanted = gold[f"scale{scales - 1}"]
    assert found is visualizer.output and found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 1e-3
    assert visualizer.save("conv2", 2) == "layer_conv2_filter_2.jpg"
    assert actmax.load_image(tmp_path / "layer_conv2_filter_2.jpg").shape == wanted.shape


def test_sizes():
    sides = FilterVisualizer(load=lambda side: None).sizes()
    assert sides == [56, 67, 80, 96, 115, 138, 165, 198, 237, 284, 340, 408]


def test_most_activated(gold, load):
    z = (gold["photo"] - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    visualizer = FilterVisualizer(size=22, upscaling_steps=1, load=load)
    found = visualizer.most_activated(z.astype(np.float32), "conv2", 3)
    order = np.argsort(-gold["means"])[:3]
    assert [filter for filter, _ in found] == list(order)
    np.testing.assert_allclose([mean for _, mean in found], gold["means"][order], rtol=1e-4)


def test_refusals():
    with pytest.raises(actmax.InvalidError, match="path="):
        FilterVisualizer()
    with pytest.raises(actmax.InvalidError, match="visualize"):
        FilterVisualizer(load=lambda side: None).image()
