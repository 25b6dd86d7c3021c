"""SciPy's shift and zoom and scikit-image's resize, as keras-vis calls them, in NumPy."""

from __future__ import annotations

import math

import numpy as np

POLE = math.sqrt(3.0) - 2.0  # of the cubic B-spline's inverse filter


def shift_wrapped(x: np.ndarray, offsets) -> np.ndarray:
    """scipy.ndimage.shift(x, offsets, order=0, mode="wrap") for whole offsets: the first and the last sample overlap."""
    for axis, offset in enumerate(offsets):
        size = x.shape[axis]
        if not offset:
            continue
        period = size - 1
        at = np.arange(size) - int(offset)
        if period == 0:
            at[:] = 0
        else:
            below, above = at < 0, at > period
            at[below] += period * (-at[below] // period + 1)
            at[above] -= period * (at[above] // period)
        x = np.take(x, at, axis)
    return x


def _mirror(at, size):
    """Places outside brought in by reflection about the first and the last sample."""
    if size == 1:
        return np.zeros_like(at)
    at = np.mod(at, 2 * (size - 1))
    return np.where(at > size - 1, 2 * (size - 1) - at, at)


def _spline_coefficients(rows):
    """Of the cubic spline through the rows of a matrix, reflected at the ends (whole-sample symmetry)."""
    size = len(rows)
    if size == 1:
        return rows
    c = rows * ((1.0 - POLE) * (1.0 - 1.0 / POLE))
    powers = POLE ** np.arange(2 * size - 2)
    c[0] = np.tensordot(powers, c[_mirror(np.arange(2 * size - 2), size)], 1) / (1.0 - POLE ** (2 * size - 2))
    for i in range(1, size):
        c[i] += POLE * c[i - 1]
    c[-1] = (c[-1] + POLE * c[-2]) * POLE / (POLE * POLE - 1.0)
    for i in range(size - 2, -1, -1):
        c[i] = POLE * (c[i + 1] - c[i])
    return c


def _spline_axis(x, axis, length):
    rows = np.moveaxis(x, axis, 0).astype(np.float64)
    size = len(rows)
    coefficients = _spline_coefficients(rows.reshape(size, -1).copy())
    at = np.arange(length) * ((size - 1) / (length - 1) if length > 1 else 0.0)
    first = np.floor(at).astype(np.int64)
    t = at - first
    v = 1.0 - t
    weights = [v**3 / 6.0, (t * t * (t - 2.0) * 3.0 + 4.0) / 6.0, (v * v * (v - 2.0) * 3.0 + 4.0) / 6.0, t**3 / 6.0]
    result = sum(w[:, None] * coefficients[_mirror(first - 1 + i, size)] for i, w in enumerate(weights))
    return np.moveaxis(result.reshape(length, *rows.shape[1:]), 0, axis)


def zoom(x: np.ndarray, shape) -> np.ndarray:
    """scipy.ndimage.zoom(x, ...) to a shape: cubic spline, corners upon corners. Keeps the type."""
    result = x
    for axis, length in enumerate(shape):
        if length != x.shape[axis] or x.shape[axis] > 1:
            result = _spline_axis(result, axis, length)
    return result.astype(x.dtype)


def _blurred(x, axis, sigma):
    radius = int(4.0 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    size = x.shape[axis]
    return sum(w * np.take(x, _mirror(np.arange(size) + i - radius, size), axis) for i, w in enumerate(weights))


def _linear_axis(x, axis, length):
    size = x.shape[axis]
    at = _mirror((np.arange(length) + 0.5) * (size / length) - 0.5, size)
    low = np.minimum(np.floor(at).astype(np.int64), max(size - 2, 0))
    t = (at - low).reshape(-1, *[1] * (x.ndim - axis - 1))
    return np.take(x, low, axis) * (1.0 - t) + np.take(x, np.minimum(low + 1, size - 1), axis) * t


def resize(x: np.ndarray, size) -> np.ndarray:
    """skimage.transform.resize(x, size, preserve_range=True): a Gaussian blur where it shrinks, then linear, edges reflected."""
    result = x.astype(np.float64)
    for axis, length in enumerate(size):
        sigma = max(0.0, (x.shape[axis] / length - 1.0) / 2.0)
        if sigma > 0:
            result = _blurred(result, axis, sigma)
    for axis, length in enumerate(size):
        result = _linear_axis(result, axis, length)
    return np.clip(result, x.min(), x.max())
