"""actmax.vis against keras-vis 0.5.0 itself: what it computed with the networks of tests/golden/vis (make_vis_goldens.py there)."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

import actmax
from actmax.vis import activations, load_model
from actmax.vis import backend as K
from actmax.vis import visualization as v
from actmax.vis.callbacks import GifGenerator, OptimizerCallback, Print
from actmax.vis.input_modifiers import InputModifier, Jitter
from actmax.vis.losses import ActivationMaximization, Loss
from actmax.vis.optimizer import Optimizer
from actmax.vis.regularizers import LPNorm, TotalVariation
from actmax.vis.utils import utils

FOLDER = ROOT / "tests" / "golden" / "vis"


@pytest.fixture(scope="module")
def gold():
    return np.load(FOLDER / "goldens.npz")


@pytest.fixture(scope="module")
def smooth():
    return load_model(FOLDER / "smooth.h5")


@pytest.fixture(scope="module")
def vgg16():
    return load_model(FOLDER / "vgg16.h5")


def linear(model):
    index = utils.find_layer_idx(model, "predictions")
    model.layers[index].activation = activations.linear
    return utils.apply_modifications(model), index


def near(found, wanted, share):
    """Of the range that the wanted numbers have."""
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    assert np.abs(found.astype(np.float64) - wanted).max() <= share * (float(wanted.max()) - float(wanted.min()))


FLOATS = {"input_range": (0.0, 255.0)}


def test_steps(gold, smooth):
    near(v.visualize_activation(smooth, 6, 20, seed_input=gold["seed"], max_iter=3, **FLOATS), gold["softmax"], 1e-3)
    model, index = linear(load_model(FOLDER / "smooth.h5"))
    for steps in (1, 5, 20):
        found = v.visualize_activation(model, index, [20, 3], seed_input=gold["seed"], max_iter=steps, **FLOATS)
        near(found, gold[f"linear_{steps}"], 1e-3)
    found = v.visualize_activation(model, index, 20, seed_input=gold["seed"], max_iter=5)
    assert found.dtype == np.uint8 and np.abs(found.astype(int) - gold["bytes"]).max() <= 1
    options = {"seed_input": gold["seed"], "max_iter": 5, "tv_weight": 0, "grad_modifier": "small_values"}
    near(v.visualize_activation(model, 3, None, **options, **FLOATS), gold["layer"], 1e-3)


def test_own_modifier_and_jitter(gold, smooth, monkeypatch):
    model, index = linear(load_model(FOLDER / "smooth.h5"))
    offsets = [int(n) for n in gold["offsets"].ravel()]
    monkeypatch.setattr(np.random, "randint", lambda low, high: offsets.pop(0))
    options = {"seed_input": gold["seed"], "max_iter": 6, "input_modifiers": [Jitter(16)], **FLOATS}
    near(v.visualize_activation(model, index, 20, **options), gold["jittered"], 1e-3)
    assert not offsets


def test_noise(gold, smooth):
    np.random.seed(4)
    near(v.visualize_activation(smooth, 3, 5, max_iter=4, input_range=(0.0, 1.0)), gold["from_noise"], 1e-3)


@pytest.mark.parametrize("low, high", [(-1, 1), (0, 1), (-128, 127)])
def test_whole_numbers_spoil_a_small_range(smooth, low, high):
    options = {"seed_input": np.random.default_rng(2).uniform(low, high, (1, 16, 16, 3)), "max_iter": 2}
    floats = v.visualize_activation(smooth, 3, 5, input_range=(float(low), float(high)), **options)
    with pytest.warns(actmax.ActmaxWarning, match=rf"give input_range=\({low}\.0, {high}\.0\)") as said:
        whole = v.visualize_activation(smooth, 3, 5, input_range=(low, high), **options)
    assert said[0].filename == __file__ and whole.dtype == np.uint8
    inside = floats >= 0  # what a cast of less gives is the machine's choice
    np.testing.assert_array_equal(whole[inside], np.floor(floats[inside]))
    with pytest.warns(actmax.ActmaxWarning, match="uint8") as said:
        v.visualize_activation_with_losses(smooth.input, [(ActivationMaximization(smooth.layers[3], 5), 1)], None, None, (low, high))
    assert said[0].filename == __file__


@pytest.mark.parametrize("modifier", [None, "guided", "relu"])
def test_maps(gold, modifier):
    model, index = linear(load_model(FOLDER / "vgg16.h5"))
    middle = utils.find_layer_idx(model, "block3_conv3")
    for class_index in (20, 379):
        found = v.visualize_cam(model, index, class_index, gold["photo"], penultimate_layer_idx=middle, backprop_modifier=modifier)
        near(found, gold[f"cam_{modifier}_{class_index}"], 1e-3)
        found = v.visualize_saliency(model, index, class_index, gold["photo"], backprop_modifier=modifier)
        near(found, gold[f"saliency_{modifier}_{class_index}"], 1e-3)


def test_more_maps(gold):
    model, index = linear(load_model(FOLDER / "vgg16.h5"))
    with pytest.warns(actmax.ActmaxWarning, match=r'block5_pool.*find_layer_idx\(model, "block5_conv3"\)'):  # of 1 x 1: flat, there as here
        near(v.visualize_cam(model, index, 20, gold["photo"]), gold["cam_default"], 1e-3)
    assert not gold["cam_default"].any()
    options = {"penultimate_layer_idx": 9, "grad_modifier": "absolute"}
    near(v.visualize_cam(model, index, [20, 30], gold["photo"], **options), gold["cam_absolute"], 1e-3)
    found = v.visualize_saliency(model, 9, 56, gold["photo"], grad_modifier="negate", keepdims=True)
    near(found, gold["saliency_keepdims"], 1e-3)
    # The way of docs/presets.md to the same without keras-vis's interface
    plain = actmax.Model(FOLDER / "vgg16.h5", preprocess="raw")
    a = -plain.saliency(gold["photo"].astype(np.float32), target=("block3_conv3", 56)).raw
    near(((a - a.min()) / (a.max() - a.min() + 1e-7)).astype(found.dtype), gold["saliency_keepdims"], 1e-3)


def test_helpers(gold):
    from actmax.vis import _sampling

    images = gold["images"]
    np.testing.assert_array_equal(utils.stitch_images(list(images), margin=2, cols=3), gold["stitched"])
    np.testing.assert_array_equal(v.overlay(images[0], images[1], 0.3), gold["overlay"])
    np.testing.assert_array_equal(utils.deprocess_input(images[0].astype(np.float32), (-1, 1)), gold["deprocessed"])
    np.testing.assert_array_equal(utils.normalize(images[0].astype(np.float32), -2, 5), gold["normalized"])
    np.random.seed(9)
    np.testing.assert_array_equal(utils.random_array((1, 3, 4, 2), 5, 2), gold["random_array"])
    shifts = ((0, 3), (-3, 0), (3, -5), (4, 16), (-16, -6))
    found = [_sampling.shift_wrapped(images[0], [dy, dx, 0]) for dy, dx in shifts]
    np.testing.assert_array_equal(np.array(found), gold["shifts"])
    near(_sampling.zoom(images[0, :, :, 0].astype(np.float32), (15, 20)), gold["zoomed"], 1e-6)
    assert utils.stitch_images([]) is None
    assert list(utils.reverse_enumerate("ab")) == [(1, "b"), (0, "a")]
    assert utils.lookup_imagenet_labels([1, 0], ["a", "b"]) == ["b", "a"]


def test_model(vgg16, capsys):
    assert vgg16.input_shape == (None, 32, 32, 3) and vgg16.output_shape == (None, 1000)
    vgg16.summary()
    assert "block3_conv3" in capsys.readouterr().out
    assert v.get_num_filters(vgg16.layers[utils.find_layer_idx(vgg16, "block3_conv3")]) == 60
    x = np.full((1, 32, 32, 3), 100.0)
    assert vgg16.predict(x).sum() == pytest.approx(1, abs=1e-5)
    changed, index = linear(load_model(FOLDER / "vgg16.h5"))
    scores = changed.predict(x)
    np.testing.assert_allclose(activations.softmax(scores), vgg16.predict(x), atol=1e-5)
    assert vgg16.layers[index].activation is activations.as_in_file and changed.layers[index].activation is activations.linear


def set_activations(model, **names):
    for layer, activation in names.items():
        model.layers[utils.find_layer_idx(model, layer)].activation = activation
    return utils.apply_modifications(model)


def test_activations_of_any_layer(gold):
    """Set to linear or to another one, one after the other or at once, and back."""
    before = load_model(FOLDER / "vgg16.h5")
    model = set_activations(before, block3_conv3=activations.linear)
    model = set_activations(model, fc1="tanh", predictions=activations.linear)
    index, photo = utils.find_layer_idx(model, "predictions"), gold["photo"]
    near(model.predict(photo[None].astype(np.float32)), gold["changed_scores"], 1e-4)
    near(v.visualize_saliency(model, index, 20, photo), gold["changed_saliency"], 1e-3)
    for modifier in (None, "guided"):
        options = {"penultimate_layer_idx": utils.find_layer_idx(model, "block2_conv2"), "backprop_modifier": modifier}
        near(v.visualize_cam(model, index, 20, photo, **options), gold[f"changed_cam_{modifier}"], 1e-3)
    assert model.layers[index].activation is activations.linear
    assert model.layers[utils.find_layer_idx(model, "fc1")].activation is activations.tanh
    x = photo[None].astype(np.float32)
    back = dict.fromkeys(("block3_conv3", "fc1", "predictions"), activations.as_in_file)
    np.testing.assert_array_equal(set_activations(model, **back).predict(x), load_model(FOLDER / "vgg16.h5").predict(x))


def test_activations_of_onnx(examples, boot):
    model = load_model(examples / "fashion_mnist.onnx")
    changed = set_activations(model, relu1=activations.linear)
    pixels = actmax.load_image(boot)[..., None] / 255
    inner = [one.core.activations(pixels.astype(np.float32), layer).array for one in (model, changed) for layer in ("conv1", "relu1")]
    np.testing.assert_array_equal(inner[3], inner[2])
    np.testing.assert_array_equal(inner[1], np.maximum(inner[3], 0))
    model.layers[0].activation = activations.linear
    with pytest.raises(actmax.UnsupportedError, match="conv1.*is no activation"):
        utils.apply_modifications(model)


def test_head_of_mobilenet(gold):
    """keras-vis's rule finds conv_preds, of 1 x 1: its map is flat, and ours says so."""
    model = set_activations(load_model(FOLDER / "head.h5"), predictions=activations.linear)
    photo = gold["photo"][:12, :10]
    with pytest.warns(actmax.ActmaxWarning, match=r'conv_preds.*find_layer_idx\(model, "conv_pw_13_relu"\)'):
        found = v.visualize_cam(model, 6, 20, photo)
    near(found, gold["head_default"], 0)
    assert not found.any()
    with pytest.warns(actmax.ActmaxWarning, match="the layer is 1 x 1"):
        assert not model.core.grad_cam(photo.astype(np.float32), 20, preset="keras-vis").array.any()
    at = utils.find_layer_idx(model, "conv_pw_13_relu")
    near(v.visualize_cam(model, 6, 20, photo, penultimate_layer_idx=at), gold["head_wide"], 1e-3)
    changed = set_activations(model, conv_pw_13_relu="linear")  # a layer that is an activation
    inner = [changed.core.activations(photo.astype(np.float32), layer).array for layer in ("conv_pw_13", "conv_pw_13_relu")]
    np.testing.assert_array_equal(*inner)
    assert inner[0].min() < 0


def test_own_classes(smooth, tmp_path):
    class Warm(Loss):
        def value_and_gradient(self, x):
            return float(-x[..., 0].mean()), np.stack([np.full(x.shape[:-1], -1 / x[..., 0].size), *[np.zeros(x.shape[:-1])] * 2], -1)

    class Filter(Loss):
        def build_loss(self):
            return -2 * K.mean(smooth.layers[3].output[..., 4]) + 1.5

    class Count(OptimizerCallback):
        seen = ended = 0

        def callback(self, i, named_losses, overall_loss, grads, wrt_value):
            assert grads.shape == wrt_value.shape == (1, 16, 16, 3)
            assert overall_loss == pytest.approx(sum(value for _, value in named_losses), rel=1e-6)
            self.seen += 1

        def on_end(self):
            self.ended += 1

    class Clip(InputModifier):
        def post(self, inp):
            return np.clip(inp, 0, 255)

    count = Count()
    options = {"max_iter": 3, "callbacks": [count, Print()], "input_modifiers": [Clip()]}
    image = v.visualize_activation_with_losses(smooth.input, [(Warm(), 1), (Filter(), 2.0)], **options)
    assert image.shape == (16, 16, 3) and image.dtype == np.uint8 and (count.seen, count.ended) == (3, 1)
    x = np.random.default_rng(2).uniform(0, 200, (1, 16, 16, 3)).astype(np.float32)
    value, gradient, _ = Filter().build_loss().evaluate(x)
    one, by_hand, _ = ActivationMaximization(smooth.layers[3], 4).build_loss().evaluate(x)
    assert value == pytest.approx(2 * one + 1.5, rel=1e-6)
    np.testing.assert_allclose(gradient, 2 * by_hand, rtol=1e-6)
    if actmax.features().get("giflib"):
        v.visualize_activation(smooth, 3, 2, max_iter=2, callbacks=[GifGenerator(str(tmp_path / "steps"))])
        assert (tmp_path / "steps.gif").read_bytes()[:6] == b"GIF89a"


@pytest.mark.parametrize("make", [TotalVariation, lambda x: TotalVariation(x, 1.5), LPNorm, lambda x: LPNorm(x, np.inf)])
def test_regularizers_by_finite_differences(make):
    x = np.random.default_rng(3).normal(size=(1, 4, 5, 2))
    loss = make(x)
    _, gradient = loss.value_and_gradient(x)
    for place in ((0, 0, 0, 0), (0, 3, 4, 1), (0, 2, 1, 1)):
        step = np.zeros_like(x)
        step[place] = 1e-6
        slope = (loss.value_and_gradient(x + step)[0] - loss.value_and_gradient(x - step)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_refusals(vgg16):
    with pytest.raises(ValueError, match="No layer with name 'block3_conv9'.*nearest: 'block3_conv[123]', .*; model.summary"):
        utils.find_layer_idx(vgg16, "block3_conv9")
    with pytest.raises(ValueError, match="No layer with name '20' within the model; model.summary"):
        utils.find_layer_idx(vgg16, "20")
    with pytest.raises(ValueError, match="alpha"):
        v.overlay(np.zeros(3), np.zeros(3), 1.5)
    with pytest.raises(ValueError, match="same shapes"):
        v.overlay(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="positive"):
        Jitter(-1)
    with pytest.raises(RuntimeError, match="does not match"):
        Jitter([1, 2, 3]).pre(np.zeros((1, 4, 4, 3)))
    with pytest.raises(ValueError, match="range between"):
        LPNorm(vgg16.input, 0.5)
    with pytest.raises(ValueError, match="penultimate"):
        v.visualize_cam(vgg16, 1, 0, np.zeros((32, 32, 3)))
    with pytest.raises(ValueError, match="before"):
        v.visualize_cam(vgg16, 5, 0, np.zeros((32, 32, 3)), penultimate_layer_idx=8)
    with pytest.raises(ValueError, match="Unknown"):
        v.visualize_cam(vgg16, -1, 0, np.zeros((32, 32, 3)), backprop_modifier="nothing")
    with pytest.raises(ValueError, match="seed_input has the shape"):
        v.visualize_saliency(vgg16, -1, 0, np.zeros((8, 8, 3)))
    with pytest.raises(ValueError, match="weight"):
        Optimizer(vgg16.input, [])
    for index, activation, said in ((3, activations.linear, "block1_pool.*no activation"), (2, "wavy", "'wavy' is none that actmax knows")):
        other = load_model(FOLDER / "vgg16.h5")
        other.layers[index].activation = activation
        with pytest.raises(actmax.UnsupportedError, match=said):
            utils.apply_modifications(other)
    with pytest.raises(actmax.InvalidError, match="does not depend"):
        Optimizer(vgg16.input, [(ActivationMaximization(vgg16.layers[2], 0), 1)], wrt_tensor=vgg16.layers[5].output).minimize(max_iter=1)


def test_tutorial(tmp_path):
    script, tmp_path = ROOT / "examples" / "tutorial.py", tmp_path / "made" / "by it"
    for words in ([], ["imagenet", "--iteration=2"]):
        done = subprocess.run([sys.executable, script, *words], text=True, capture_output=True)
        assert done.returncode == 1 and "tutorial.py MODEL [PHOTO]" in done.stderr
    command = [sys.executable, script, FOLDER / "vgg16.h5", ROOT / "examples" / "chelsea.jpg", tmp_path]
    done = subprocess.run([*command, "--iterations=2"], text=True, capture_output=True, check=True)
    assert "Total params: 30,880" in done.stdout and "subplot 3: relu" in done.stdout
    names = ("class20", "class20_iterations", "class20_jitter", "filter", "class379")
    assert [actmax.load_image(tmp_path / f"{name}.png").shape for name in names] == [(32, 32, 3)] * 5
    assert actmax.load_image(tmp_path / "heat_maps.png").shape == (32, 106, 3)
