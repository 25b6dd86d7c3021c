"""Writes vis/fastai.npz: fastai's FilterVisualizer loop in PyTorch and OpenCV on a network without kinks, for tests/python/test_fastai.py.

usage: make_fastai_goldens.py [FOLDER]     (needs torch, opencv, numpy)

The loop is the article's as of fastai 0.7, its transforms being no-ops at these sizes: a new Adam at each size on the normalised image,
cv2's cubic enlarging, cv2's box blur.
"""
import pathlib
import sys

import cv2
import numpy as np
import torch

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "vis"
    random = np.random.default_rng(5)
    first, second = (random.normal(size=shape).astype(np.float32) * 0.3 for shape in ((4, 3, 3, 3), (5, 4, 3, 3)))
    start = random.integers(150, 180, (16, 16, 3))
    gold = {"first": first, "second": second, "start": start}

    def network(x):
        return torch.conv2d(torch.nn.functional.softplus(torch.conv2d(x, torch.tensor(first), padding=1)), torch.tensor(second), padding=1)

    img, side = start / 255, 16
    for scale in range(3):
        z = torch.tensor(((img - MEAN) / DEVIATION).transpose(2, 0, 1)[None].astype(np.float32), requires_grad=True)
        optimizer = torch.optim.Adam([z], lr=0.1, weight_decay=1e-6)
        for _ in range(20):
            optimizer.zero_grad()
            (-network(z)[0, 2].mean()).backward()
            optimizer.step()
        img = z.detach().numpy()[0].transpose(1, 2, 0) * DEVIATION + MEAN
        gold[f"scale{scale}"] = np.clip(img, 0, 1)
        side = int(1.2 * side)
        img = cv2.blur(cv2.resize(img, (side, side), interpolation=cv2.INTER_CUBIC), (5, 5))
    photo = gold["photo"] = random.uniform(0, 1, (22, 22, 3)).astype(np.float32)
    x = torch.tensor(((photo - MEAN) / DEVIATION).transpose(2, 0, 1)[None].astype(np.float32))
    gold["means"] = network(x)[0].mean((1, 2)).numpy()
    np.savez_compressed(folder / "fastai.npz", **gold)


main()
