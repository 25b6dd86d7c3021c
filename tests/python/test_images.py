"""Images in and out, against Pillow and NumPy."""

import io
import pathlib

import numpy as np
import PIL.Image
import pytest

import actmax

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def cat(examples):
    """A photograph, decoded by Pillow."""
    return PIL.Image.open(examples / "chelsea.jpg")


def test_all_ways_in(model, boot):
    pixels = np.asarray(PIL.Image.open(boot))
    logits = model.predict(boot).logits
    same = [str(boot), boot.read_bytes(), PIL.Image.open(boot), pixels, pixels[:, :, None], np.repeat(pixels[:, :, None], 3, 2)]
    same += [np.asfortranarray(pixels), pixels[::-1][::-1], np.dstack([pixels] * 3 + [pixels * 0]), PIL.Image.open(boot).convert("RGBA")]
    for image in same:
        np.testing.assert_allclose(model.predict(image).logits, logits, atol=1e-5)
    units = pixels.astype(np.float64) / 255  # floats are the network's own units
    for image in (units, units.astype(np.float32), units.astype(np.float16)[:, :, None]):
        np.testing.assert_allclose(model.predict(image).logits, logits, atol=5e-3)
    np.testing.assert_allclose(model.predict(units).logits, logits, atol=1e-5)


def test_preprocessing_of_a_photograph(mirror, cat):
    """Shorter side to 256/224 of the network's, bilinear, centre, as torchvision does; then (x / 255 - mean) / deviation."""
    wide, high = (int(64 * side / min(cat.size)) if side != min(cat.size) else 64 for side in cat.size)
    left, top = round((wide - 56) / 2), round((high - 56) / 2)
    small = np.asarray(cat.resize((wide, high), PIL.Image.Resampling.BILINEAR))[top : top + 56, left : left + 56]
    seen = mirror(preprocess="torch", input_size=56).activations(cat, "eye").array[0].transpose(1, 2, 0)
    np.testing.assert_allclose(seen, (small / 255 - MEAN) / DEVIATION, atol=1e-5)
    caffe = mirror(preprocess="caffe", input_size=56).activations(cat, "eye").array[0].transpose(1, 2, 0)
    np.testing.assert_allclose(caffe, small[:, :, ::-1] - np.array([103.939, 116.779, 123.68]), atol=1e-4)
    own = mirror(scale=0.5, mean=[1, 2, 3], std=(4, 5, 6), channels="bgr", input_size=56)
    own = own.activations(cat, "eye").array[0].transpose(1, 2, 0)
    np.testing.assert_allclose(own, (small[:, :, ::-1] * 0.5 - [1, 2, 3]) / [4, 5, 6], atol=1e-5)


def test_wrong_images(model, tmp_path):
    with pytest.raises(actmax.InvalidError, match="uint8"):
        model.predict(np.zeros((28, 28), np.int64))
    with pytest.raises(actmax.ShapeError, match="transpose"):
        model.predict(np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(actmax.ShapeError, match="28x28"):
        model.predict(np.zeros((14, 14), np.float32))
    for shape in ((3,), (0, 5), (1, 2, 3, 4)):
        with pytest.raises(actmax.ShapeError, match="shape"):
            model.predict(np.zeros(shape, np.uint8))
    with pytest.raises(actmax.InvalidError, match="NumPy"):
        model.predict(None)
    with pytest.raises(actmax.InvalidError, match="8 bits"):
        model.predict(PIL.Image.new("I;16", (28, 28)))
    with pytest.raises(FileNotFoundError, match="no such.png"):
        model.predict("no such.png")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(actmax.FormatError, match="text.png"):
        model.predict(tmp_path / "text.png")


def test_load_and_save(tmp_path, cat, boot):
    pixels = np.asarray(cat)[:50, :40]
    for name in ("a.png", "a.bmp"):
        actmax.save_image(pixels, tmp_path / name)
        np.testing.assert_array_equal(np.asarray(PIL.Image.open(tmp_path / name)), pixels)
        np.testing.assert_array_equal(actmax.load_image(tmp_path / name), pixels)
    actmax.save_image(cat, str(tmp_path / "b.jpg"))
    assert PIL.Image.open(tmp_path / "b.jpg").size == cat.size
    assert actmax.load_image(boot).shape == (28, 28)
    with pytest.raises(actmax.InvalidError, match=".png, .jpg"):
        actmax.save_image(pixels, tmp_path / "a.gif")
    with pytest.raises(FileNotFoundError):
        actmax.save_image(pixels, tmp_path / "no folder" / "a.png")
    with pytest.raises(actmax.InvalidError, match=r"uint8, not float64: .*np\.uint8\("):
        actmax.save_image(pixels / 255, tmp_path / "a.png")
    odd = tmp_path / "b\u00fccher \u5199.png"
    actmax.save_image(pixels, odd)
    assert odd.exists() and actmax.load_image(odd).shape == pixels.shape


def test_png_of_results(model, boot):
    for result in (model.grad_cam(boot), model.gradient(boot, "conv1", 0), model.activations(boot, "conv1")):
        decoded = PIL.Image.open(io.BytesIO(result._repr_png_()))
        np.testing.assert_array_equal(np.asarray(decoded), result.image)
        np.testing.assert_array_equal(np.asarray(result.to_pil()), result.image)


def test_save_of_results(model, boot, tmp_path):
    result = model.grad_cam(boot)
    result.save(tmp_path / "map.png")
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(tmp_path / "map.png")), result.image)
    result.save(tmp_path / "map.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "map.npy"), result.array)
    with pytest.raises(ValueError, match=".npy"):
        model.predict(boot).save(tmp_path / "prediction.png")


def test_jet():
    values = np.array([[0, 0.25, 0.5, 0.75, 1]], np.float32)
    # as matplotlib looks colours up: entry int(256 * value) of 256
    assert actmax.jet(values, "grey").tolist() == [[[v] * 3 for v in (0, 64, 128, 192, 255)]]
    colours = actmax.jet(values)
    assert colours.dtype == np.uint8 and colours.shape == (1, 5, 3)
    # matplotlib's jet: dark blue, then through blue, green and red to dark red
    assert colours[0, 0].tolist() == [0, 0, 127] and colours[0, 4].tolist() == [127, 0, 0] and colours[0, 2].argmax() == 1
    with pytest.raises(actmax.InvalidError, match="viridis"):
        actmax.jet(values, "rainbow")
    with pytest.raises(actmax.ShapeError):
        actmax.jet(np.zeros(3))


@pytest.mark.parametrize("alpha", [None, 0.0, 0.25, 0.7, 1.0])
def test_overlay(alpha):
    rng = np.random.default_rng(3)
    heat, image = rng.integers(0, 256, (2, 6, 5, 3), np.uint8)
    share = 0.5 if alpha is None else alpha
    expected = (heat * share + image * (1 - share)).astype(np.uint8)  # keras-vis's overlay
    made = actmax.overlay(heat, image, alpha)
    assert np.abs(made.astype(int) - expected).max() <= (0 if share in (0, 0.25, 0.5, 1) else 1)
    values = rng.random((6, 5))
    np.testing.assert_array_equal(actmax.overlay(values, image, alpha), actmax.overlay(actmax.jet(values), image, alpha))
    with pytest.raises(actmax.ShapeError, match="same size"):
        actmax.overlay(heat, image[:3], alpha)


def test_overlay_of_a_map(mirror, cat, examples):
    model = mirror(preprocess="torch", input_size=32)
    path = examples / "chelsea.jpg"
    result = model.grad_cam(path, layer="eye")
    photograph = actmax.load_image(path)
    assert result.array.shape == result.image.shape[:2] == photograph.shape[:2] == (cat.height, cat.width)
    np.testing.assert_array_equal(result.overlay(0.3).image, actmax.overlay(result, photograph, 0.3))
    np.testing.assert_array_equal(actmax.overlay(result, path), result.overlay().image)
    floats = model.grad_cam(np.random.default_rng(0).random((32, 32, 3)), layer="eye")
    with pytest.raises(ValueError, match="units"):
        floats.overlay()


def test_start_image(model, boot):
    options = dict(steps=1, learning_rate=0, parameters="pixel", optimizer="ascent", jitter=0, scale_jitter=0, rotate=0)
    pixels = np.asarray(PIL.Image.open(boot))
    for start in (str(boot), pathlib.Path(boot), pixels, PIL.Image.open(boot), pixels / 255):  # the last: the network's units
        with pytest.warns(actmax.ActmaxWarning, match="did not rise"):
            np.testing.assert_array_equal(model.maximize("conv2", 3, start_image=start, **options).image, pixels)
    with pytest.raises(FileNotFoundError):
        model.maximize("conv2", 3, start_image="no such.png")
