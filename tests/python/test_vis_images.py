"""load_img() against scikit-image, which keras-vis reads pictures with: tests/golden/make_load_img_goldens.py."""

import numpy as np
import pytest
from conftest import ROOT

import actmax
from actmax.vis.utils import utils

GOLD = np.load(ROOT / "tests" / "golden" / "vis" / "load_img.npz")
RESIZED = [name for name in GOLD.files if name[-1].isdigit()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    for name in ("colour", "grey"):
        actmax.save_image(GOLD[name], place / f"{name}.png")
    return place


@pytest.mark.parametrize("name", RESIZED)
def test_resized(folder, name):
    kind, height, width = name.split("_")
    found = utils.load_img(str(folder / f"{kind}.png"), target_size=(int(height), int(width)))
    wanted = GOLD[name]
    assert found.dtype == np.uint8 and found.shape == wanted.shape
    # Cut off to whole levels; within 0.002 of one either is right.
    assert ((found == np.floor(wanted - 0.002)) | (found == np.floor(wanted + 0.002))).all()


def test_plain(folder):
    np.testing.assert_array_equal(utils.load_img(folder / "colour.png"), GOLD["colour"])
    np.testing.assert_array_equal(utils.load_img(folder / "grey.png"), GOLD["grey"])


def test_luminance(folder):
    found = utils.load_img(folder / "colour.png", grayscale=True)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, GOLD["luminance"], atol=1e-12)
    same = utils.load_img(folder / "grey.png", grayscale=True)
    assert same.dtype == GOLD["luminance_of_grey"].dtype
    np.testing.assert_array_equal(same, GOLD["luminance_of_grey"])
