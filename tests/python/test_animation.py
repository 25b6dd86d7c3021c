"""Animations, read back by Pillow."""

import numpy as np
import PIL.Image
import pytest

import actmax


def frames_of(path):
    with PIL.Image.open(path) as film:
        shown = []
        for index in range(film.n_frames):
            film.seek(index)
            shown.append((np.asarray(film.convert("RGB")), film.info["duration"]))
        return shown, film.info.get("loop")


def test_frames(tmp_path):
    path = tmp_path / "film.gif"
    rng = np.random.default_rng(3)
    colours = rng.integers(0, 256, (200, 3), np.uint8)
    images = [colours[rng.integers(0, 200, (20, 30))] for _ in range(3)]
    grey = np.arange(600, dtype=np.uint8).reshape(20, 30)
    film = actmax.Animation(path, delay=0.25)
    for image in [*images, grey]:
        film.add(image)
    assert film.frames == 4 and not path.exists()
    film.finish()
    shown, loop = frames_of(path)
    assert loop == 0 and [duration for _, duration in shown] == [250] * 4
    for (got, _), want in zip(shown, [*images, np.dstack([grey] * 3)], strict=True):
        np.testing.assert_array_equal(got, want)
    with pytest.raises(actmax.InvalidError, match="finished"):
        film.add(grey)


def test_photograph(tmp_path, examples):
    """256 colours of a photograph: as close as Pillow's own median cut, within a tenth."""
    photograph = PIL.Image.open(examples / "chelsea.jpg")
    with actmax.Animation(tmp_path / "cat.gif") as film:
        film.add(photograph)
    pixels = np.asarray(photograph).astype(float)
    theirs = photograph.quantize(256, PIL.Image.Quantize.MEDIANCUT, dither=PIL.Image.Dither.NONE).convert("RGB")
    error = [np.sqrt(np.mean((np.asarray(other).astype(float) - pixels) ** 2)) for other in (frames_of(tmp_path / "cat.gif")[0][0][0], theirs)]
    assert error[0] < 1.1 * error[1]


def test_progress(tmp_path, model):
    path = tmp_path / "progress.gif"
    last = []
    with actmax.Animation(path, every=5) as film:

        def step(progress):
            film(progress)
            last[:] = [progress.image]

        model.maximize("conv2", 3, steps=12, progress=step)
    shown, _ = frames_of(path)
    assert film.frames == len(shown) == 4  # steps 1, 5, 10 and 12
    np.testing.assert_array_equal(shown[-1][0][:, :, 0], last[0])
    again = tmp_path / "again.gif"
    with actmax.Animation(again, every=5) as film:
        model.maximize("conv2", 3, steps=12, progress=film)
    assert again.read_bytes() == path.read_bytes()


def test_given_up(tmp_path):
    path = tmp_path / "film.gif"
    with pytest.raises(RuntimeError), actmax.Animation(path, size=(4, 5)) as film:
        film.add(np.zeros((4, 5), np.uint8))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(actmax.InvalidError, match="frame"):
        actmax.Animation(path).finish()
    with pytest.raises(actmax.NotFoundError):
        actmax.Animation(tmp_path / "no" / "where.gif", size=(4, 5))
    with pytest.raises(actmax.InvalidError, match="every"):
        actmax.Animation(path, every=0)
