"""Writes modifiers.txt: blurs by SciPy, zooms and rotations by PyTorch's grid_sample (float64).

    python make_modifier_goldens.py > modifiers.txt

The image has value (i * 37 + 11) % 101 at flat index i of [height, width, channels].
Lines: KIND-AMOUNT-HEIGHTxWIDTHxCHANNELS COUNT value*COUNT.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter


def image(shape):
    return ((np.arange(np.prod(shape)) * 37 + 11) % 101).astype(np.float64).reshape(shape)


def line(kind, amount, values):
    print(f"{kind}-{amount:g}-{'x'.join(map(str, values.shape))}", values.size, *(f"{v:.9g}" for v in values.ravel()))


def blur(sigma, shape):
    line("blur", sigma, gaussian_filter(image(shape), sigma=(sigma, sigma, 0), mode="reflect", truncate=4.0))


def sample(kind, amount, matrix, shape):
    """matrix: from an offset (right, down) from the centre in the output to the one in the input, in pixels."""
    (a, b), (c, d) = matrix
    h, w, channels = shape
    theta = torch.tensor([[a, b * h / w, 0], [c * w / h, d, 0]], dtype=torch.float64)[None]
    grid = F.affine_grid(theta, [1, channels, h, w], align_corners=False)
    x = torch.tensor(image(shape)).permute(2, 0, 1)[None]
    y = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    line(kind, amount, y[0].permute(1, 2, 0).numpy())


for sigma, shape in [(0.5, (5, 4, 1)), (0.8, (9, 7, 3)), (2.5, (6, 5, 2)), (7.0, (3, 2, 1)), (3.0, (2, 300, 1)), (40.0, (1, 290, 1))]:
    blur(sigma, shape)
for factor, shape in [(1.15, (9, 7, 2)), (0.6, (6, 10, 1))]:
    sample("scale", factor, ((1 / factor, 0), (0, 1 / factor)), shape)
for degrees, shape in [(10, (9, 7, 2)), (-33, (6, 10, 1)), (180, (4, 5, 3))]:
    # Counter-clockwise with the y axis down: what is shown at (cos, -sin) was at (1, 0).
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    sample("rotate", degrees, ((cos, -sin), (sin, cos)), shape)
