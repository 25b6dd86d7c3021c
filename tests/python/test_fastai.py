"""actmax.fastai against the published notebook: tests/golden/presets/fastai.txt, by make_preset_runs.py."""

import numpy as np
import pytest
from conftest import ROOT

import actmax
from actmax.fastai import DEVIATION, MEAN, FilterVisualizer

GOLDEN = ROOT / "tests" / "golden"


def lines(name):
    """{line's name: array} of a file of lines NAME COUNT value*COUNT."""
    rows = (line.split() for line in (GOLDEN / name).read_text(encoding="utf-8").splitlines())
    return {words[0]: np.array(words[2:], np.float64) for words in rows}


def start(low, high, shape):
    """The notebook's start in make_preset_runs.py, 32-bit hashes of the positions, in whole levels."""
    x = np.arange(1, np.prod(shape) + 1, dtype=np.uint32) * np.uint32(2654435761)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    return np.floor(low + (high - low) * (x / 2**32)).astype(np.int64).reshape(shape)


def load(side):
    return actmax.Model(GOLDEN / "presets.h5", preprocess="torch", input_size=side)


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_visualize(steps, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(np.random, "randint", start)
    visualizer = FilterVisualizer(size=16, upscaling_steps=3, load=load)
    found = visualizer.visualize("conv2", 1, opt_steps=steps, blur=3)
    wanted = lines("presets/fastai.txt")[f"steps_{steps}"].reshape(22, 22, 3) * DEVIATION + MEAN
    assert found is visualizer.output and found.shape == wanted.shape
    assert np.abs(found - np.clip(wanted, 0, 1)).max() < 1e-3
    assert visualizer.save("conv2", 1) == "layer_conv2_filter_1.jpg"
    assert actmax.load_image(tmp_path / "layer_conv2_filter_1.jpg").shape == wanted.shape


def test_sizes():
    sides = FilterVisualizer(load=lambda side: None).sizes()
    assert sides == [56, 67, 80, 96, 115, 138, 165, 198, 237, 284, 340, 408]


def test_most_activated():
    """Means of PyTorch's, of raw pixels in the place of normalised ones."""
    means = lines("presets_fastai.txt")["means"]
    photo = lines("presets.txt")["photo"].reshape(16, 16, 3)
    visualizer = FilterVisualizer(size=16, upscaling_steps=1, load=load)
    found = visualizer.most_activated(photo, "conv2", 3)
    order = np.argsort(-means)[:3]
    assert [filter for filter, _ in found] == list(order)
    np.testing.assert_allclose([mean for _, mean in found], means[order], rtol=1e-4)


def test_refusals():
    with pytest.raises(actmax.InvalidError, match="path="):
        FilterVisualizer()
    with pytest.raises(actmax.InvalidError, match="visualize"):
        FilterVisualizer(load=lambda side: None).image()
