"""Writes vis/load_img.npz: what scikit-image makes of pictures as keras-vis's load_img() calls it, for tests/python/test_vis_images.py.

usage: make_load_img_goldens.py [FOLDER]     (needs scikit-image; written with 0.26.0)

pictures: colour_*, grey_*; sizes: (height, width). colour_H_W is transform.resize(..., preserve_range=True) before its cut to 8 bits, rounded
to 1e-3; luminance, of colour, and luminance_of_grey are io.imread(..., as_gray=True).
"""
import pathlib
import sys
import tempfile

import numpy as np
from skimage import io, transform

SIZES = ((17, 23), (9, 14), (40, 31), (5, 61), (17, 8), (1, 1), (3, 2))


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "vis"
    random = np.random.default_rng(8)
    smooth = np.add.outer(np.arange(17) * 7, np.arange(23) * 5)[..., None] + np.array([0, 20, 40])
    colour = np.clip(smooth + random.integers(-40, 41, smooth.shape), 0, 255).astype(np.uint8)
    gold = {"colour": colour, "grey": colour[..., 0]}
    with tempfile.TemporaryDirectory() as place:
        for name in ("colour", "grey"):
            path = pathlib.Path(place) / f"{name}.png"
            io.imsave(path, gold[name], check_contrast=False)
            for height, width in SIZES:
                made = transform.resize(io.imread(path), (height, width), preserve_range=True)
                gold[f"{name}_{height}_{width}"] = made.round(3).astype(np.float32)
        gold["luminance_of_grey"] = io.imread(pathlib.Path(place) / "grey.png", as_gray=True)
        gold["luminance"] = io.imread(pathlib.Path(place) / "colour.png", as_gray=True)
    np.savez_compressed(folder / "load_img.npz", **gold)


main()
