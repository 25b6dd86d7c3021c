"""Writes opencv.txt: OpenCV's cubic and linear enlarging and its box blur of float pictures, between sizes that fastai's visualizer has.

    python make_opencv_goldens.py        (needs opencv-python-headless and numpy)

Pictures are hashes of the positions, as make_preset_runs.py has them, which tests make themselves. Lines: NAME COUNT value*COUNT
    cubic_HxW_HxW, linear_HxW_HxW, box_SIDE_HxW     of the last size every 24th row and column
"""
import os

import cv2
import numpy as np


def picture(height, width):
    x = np.arange(1, height * width * 3 + 1, dtype=np.uint32) * np.uint32(2654435761)
    x ^= x >> 15
    x *= np.uint32(2246822519)
    x ^= x >> 13
    return (x / 2**32).reshape(height, width, 3)


lines = []


def line(name, values):
    step = -(-max(values.shape) // 20)
    values = values[::step, ::step].ravel()
    lines.append(" ".join([name, str(values.size), *("%.9g" % v for v in values)]))


SIZES = [(4, 6, 11, 9), (7, 7, 8, 8), (16, 16, 19, 19), (1, 5, 3, 8), (340, 340, 408, 408)]
for kind, flag in (("cubic", cv2.INTER_CUBIC), ("linear", cv2.INTER_LINEAR)):
    for height, width, to_height, to_width in SIZES:
        image = picture(height, width)
        line(f"{kind}_{height}x{width}_{to_height}x{to_width}", cv2.resize(image, (to_width, to_height), interpolation=flag))
for side in (2, 3, 4, 5):
    line(f"box_{side}_8x7", cv2.blur(picture(8, 7), (side, side)))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "opencv.txt"), "w") as file:
    file.write("\n".join(lines) + "\n")
