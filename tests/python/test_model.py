"""What a model says about itself, and its numbers against ONNX Runtime, PyTorch and NumPy."""

import json
import pathlib

import numpy as np
import pytest

import actmax

GOLDENS = json.loads((pathlib.Path(__file__).parent / "goldens.json").read_text(encoding="utf-8"))


def test_layers(model, expected):
    assert [layer.name for layer in model.layers] == [row["name"] for row in expected["layers"]]
    for layer, row in zip(model.layers, expected["layers"]):
        assert (layer.type, list(layer.output_shape), layer.parameters) == (row["type"], row["output_shape"], row["parameters"])
    assert [layer.index for layer in model.layers] == list(range(len(model.layers)))
    conv = model.layers[3]
    assert (conv.channel_axis, conv.filters) == (1, 32)


def test_find_layer(model):
    assert model.find_layer("conv2") is model.layers[3]
    with pytest.raises(actmax.NotFoundError, match="'convv2' not found; nearest: 'conv2'"):
        model.find_layer("convv2")


def test_facts(model, examples):
    assert model.input_name == "image" and model.input_shape == (1, 1, 28, 28)
    assert model.parameters == sum(layer.parameters for layer in model.layers)
    assert model.notes == "" and model.path == str(examples / "fashion_mnist.onnx")
    assert repr(model).endswith("11 layers, input 'image' 1x1x28x28>")
    lines = model.summary().splitlines()
    assert all(any(line.startswith(layer.name + " ") for line in lines) for layer in model.layers)
    assert lines[-1] == "11 layers, 23946 parameters" and model.summary().endswith("\n")


@pytest.mark.parametrize("name", GOLDENS)
def test_activations_of_onnx_runtime(model, boot, name):
    golden = GOLDENS[name]
    result = model.activations(boot, name)
    assert list(result.shape) == golden["shape"] and result.array.dtype == np.float32 and result.layer == name
    np.testing.assert_allclose(result.array.reshape(-1)[golden["at"]], golden["values"], rtol=1e-5, atol=1e-5)
    assert result.score == pytest.approx(golden["mean"], abs=1e-5)
    assert (result.image is None) == (len(golden["shape"]) != 4)


def test_strongest_of_pytorch(model, boot, expected):
    means = expected["relu2_means"]
    order = sorted(range(32), key=lambda i: -means[i])
    found = model.strongest(boot, "relu2", 5)
    np.testing.assert_allclose(found.means, means, atol=1e-6)
    assert found.filters == order[:5] and len(found) == 5 and list(found) == [(i, float(found.means[i])) for i in order[:5]]
    assert len(model.strongest(boot, "relu2")) == 32 and found.layer == "relu2" and f"filter {order[0]}" in repr(found)
    with pytest.raises(actmax.InvalidError, match="from 1 on"):
        model.strongest(boot, "relu2", 0)


def test_presets_are_options_of_all(examples, boot):
    """A preset's preprocessing is read with the model, its map's rules with the map."""
    model = actmax.Model(examples / "fashion_mnist.onnx", preset="keras-vis", preprocess="unit")
    assert model.notes == "" and actmax.Model(examples / "fashion_mnist.onnx", preset="keras-io").notes == ""
    given = dict(cam_layer="listed", cam_gradient="max", cam_resize="spline", cam_epsilon=1e-7)
    plain, preset = model.grad_cam(boot, **given), model.grad_cam(boot, preset="keras-vis")
    np.testing.assert_array_equal(plain.array, preset.array)


def test_prediction(model, boot, expected, examples):
    result = model.predict(boot)
    np.testing.assert_allclose(result.array, expected["probabilities"], atol=1e-6)
    np.testing.assert_allclose(result.logits, expected["logits"], atol=1e-5)
    assert result.class_index == expected["class"] == 9 and result.softmax_added
    assert result.score == pytest.approx(max(expected["probabilities"]), abs=1e-6)
    order = sorted(range(10), key=lambda i: -expected["probabilities"][i])
    assert [index for index, _ in result.top(3)] == order[:3]
    assert result.top(1, examples / "fashion_mnist_labels.txt")[0][0] == "ankle boot"
    assert result.image is None and result._repr_png_() is None
    np.testing.assert_array_equal(np.asarray(result), result.array)


def test_gradient(model, boot, expected):
    result = model.gradient(boot, "relu2", expected["filter"])
    np.testing.assert_allclose(result.array[:, :, 0], expected["gradient"], atol=1e-6)
    assert result.score == pytest.approx(float(model.activations(boot, "relu2").array[0, expected["filter"]].mean()), abs=1e-6)
    largest = np.unravel_index(np.abs(result.array).argmax(), result.array.shape)[:2]
    assert result.image.dtype == np.uint8 and result.image[largest] in (0, 255)


def test_grad_cam(model, boot, expected):
    result = model.grad_cam(boot)
    np.testing.assert_allclose(result.raw, expected["cam_raw"], atol=1e-5)
    assert (result.class_index, result.layer) == (9, "relu3")
    assert result.score == pytest.approx(max(expected["logits"]), abs=1e-5)
    assert result.array.shape == (28, 28) and result.array.min() == 0 and result.array.max() == 1
    same = model.grad_cam(boot, 9, "relu3")
    np.testing.assert_array_equal(same.array, result.array)
    np.testing.assert_array_equal(model.grad_cam(boot, ("logits", 9)).array, result.array)
    assert not np.array_equal(model.grad_cam(boot, 7).raw, result.raw)


def test_by_hand(hand):
    model = actmax.Model(hand.data, preprocess="unit", input_size=(6, 9))
    assert model.input_shape == (1, 3, 6, 9) and model.path is None
    image = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
    x = image / 255.0
    conv, logits = hand.conv(x), hand.logits(x)
    np.testing.assert_allclose(model.activations(image, "conv").array[0], conv, atol=1e-5)
    np.testing.assert_allclose(model.activations(image).array[0], logits, atol=1e-5)
    np.testing.assert_allclose(model.predict(image).array, np.exp(logits) / np.exp(logits).sum(), atol=1e-6)

    one = np.zeros_like(conv)
    one[2] = 1 / 54
    np.testing.assert_allclose(model.gradient(image, "conv", 2).array, hand.conv_back(one), atol=1e-6)
    one[1] = 1 / 54  # several filters: their sum
    np.testing.assert_allclose(model.gradient(image, "conv", [1, 2]).array, hand.conv_back(one), atol=1e-6)
    whole = np.full_like(conv, 1 / conv.size)  # none: the mean of the layer
    np.testing.assert_allclose(model.gradient(image, "conv").array, hand.conv_back(whole), atol=1e-6)
    at = np.zeros_like(conv)
    at[3, 4, 5] = 1
    np.testing.assert_allclose(model.gradient(image, "conv", 3, neuron_y=4, neuron_x=5).array, hand.conv_back(at), atol=1e-6)

    best = int(logits.argmax())
    back = (hand.dense[best][:, None, None] / 54) * (conv > 0)
    saliency = model.saliency(image)
    np.testing.assert_allclose(saliency.raw, hand.conv_back(back), atol=1e-6)
    size = np.abs(hand.conv_back(back)).max(2)
    np.testing.assert_allclose(saliency.array, (size - size.min()) / (size.max() - size.min()), atol=1e-5)
    cam = model.grad_cam(image, layer="relu", cam_scaling="none")
    raw = (hand.dense[best][:, None, None] / 54 * np.maximum(conv, 0)).sum(0)
    np.testing.assert_allclose(cam.raw, raw, atol=1e-6)
    np.testing.assert_allclose(cam.array, np.maximum(raw, 0), atol=1e-6)
    assert (cam.class_index, saliency.class_index) == (best, best)


def test_other_input_sizes(hand):
    for size, shape in ((5, (1, 3, 5, 5)), ([4, 7], (1, 3, 4, 7)), (np.array([7, 4]), (1, 3, 7, 4))):
        assert actmax.Model(hand.data, preprocess="unit", input_size=size).input_shape == shape


def test_layer_arguments(model, boot):
    by_name = model.activations(boot, "conv2").array
    for same in (3, model.layers[3], np.int64(3)):
        np.testing.assert_array_equal(model.activations(boot, same).array, by_name)
    for wrong in (1.5, ["conv2"]):
        with pytest.raises(actmax.InvalidError, match="a layer is a name"):
            model.activations(boot, wrong)


def test_bound_input():
    from onnx_writer import Graph, chunk, value_info

    graph = Graph("two", "image", [1, 1, 2, 2])
    graph.inputs += chunk(11, value_info("factor", [1]))
    graph.names.add("factor")
    x = graph.node("Mul", "product", [graph.node("Neg", "negative", ["image"]), "factor"])
    data = graph.to_bytes(x, [1, 1, 2, 2])
    with pytest.raises(actmax.InvalidError, match="'factor'"):
        actmax.Model(data, preprocess="raw")
    model = actmax.Model(data, preprocess="raw", inputs={"factor": [2.5]})
    image = np.array([[1, 2], [3, 4]], np.uint8)
    np.testing.assert_array_equal(model.activations(image, "product").array[0, 0], image * -2.5)


def test_end(hand):
    """What comes after the end is left out, with what it needs."""
    model = actmax.Model(hand.data, preprocess="unit", input_size=(6, 9), end="relu")
    assert [layer.name for layer in model.layers] == ["conv", "relu"]
    image = np.random.default_rng(2).integers(0, 256, (6, 9, 3), np.uint8)
    np.testing.assert_allclose(model.activations(image).array[0], np.maximum(hand.conv(image / 255.0), 0), atol=1e-5)
    with pytest.raises(actmax.NotFoundError, match="nearest: 'relu'"):
        actmax.Model(hand.data, preprocess="unit", input_size=(6, 9), end="rely")


def test_assumed_preprocessing_is_said(examples):
    with pytest.warns(actmax.ActmaxWarning, match="took 'unit'") as caught:
        model = actmax.Model(examples / "fashion_mnist.onnx")
    assert "preprocessing" in model.notes and caught[0].filename == __file__


def test_network_from_bytes_with_external_data(root):
    """A network that keeps its weights in a file of its own (written by torch.onnx; tests/golden/make_onnx_torch.py)."""
    path = root / "tests" / "golden" / "onnx" / "torch_dynamo.onnx"
    data = path.with_name("torch_dynamo.onnx.data").read_bytes()
    there = actmax.Model(path, preprocess="unit")
    here = actmax.Model(path.read_bytes(), preprocess="unit", external={"torch_dynamo.onnx.data": data})
    assert [layer.name for layer in here.layers] == [layer.name for layer in there.layers]
    image = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)
    np.testing.assert_array_equal(here.predict(image).array, there.predict(image).array)
    with pytest.raises(actmax.ActmaxError, match="torch_dynamo.onnx.data"):
        actmax.Model(path.read_bytes(), preprocess="unit")
