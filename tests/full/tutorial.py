"""What the tutorial's checks share: the package on a given library, the example run as a stranger runs it, and keras-vis's heat map by
Keras and PyTorch."""

import os
import pathlib
import subprocess
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ["ACTMAX_LIBRARY"] = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))
import keras
import numpy as np
import torch
from keras.src import backend

from actmax.vis import _sampling

PICTURES = {"class20": 20, "class20_iterations": 20, "class20_jitter": 20, "filter": None, "class379": 379}
MODIFIERS = (None, "guided", "relu")


def run(model, folder, photo, *words):
    """What examples/tutorial.py prints; its pictures lie in the folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, ROOT / "examples" / "tutorial.py", model, photo, folder, *words]
    done = subprocess.run(command, text=True, capture_output=True, env=environment)
    if done.returncode:
        raise SystemExit(f"the tutorial failed on {model}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def check_summary(printed, model):
    """Every layer's name, type and number of parameters, and Keras's totals."""
    rows = {words[0]: words for words in map(str.split, printed.splitlines()) if words}
    for layer in model.layers:
        words = rows.get(layer.name)
        kind = type(layer).__name__[:19]
        if not words or words[1] != kind or str(layer.count_params()) not in words:
            raise SystemExit(f"the summary does not show {layer.name} ({kind}, {layer.count_params()}): {words}")
    if f"Total params: {model.count_params():,}" not in printed:
        raise SystemExit(f"the summary lacks the total {model.count_params():,}")


def scores_of(model):
    """Keras's model up to what its last softmax gets."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Activation):
        return keras.Model(model.inputs, last.input)
    config = model.get_config()
    config["layers"][-1]["config"]["activation"] = "linear"
    twin = keras.Model.from_config(config)
    twin.set_weights(model.get_weights())
    return twin


def score(scores, pixels):
    with torch.no_grad():
        return keras.ops.convert_to_numpy(scores([np.asarray(pixels, np.float32)[None]], training=False))[0]


class Relu(torch.autograd.Function):
    """A ReLU whose way back follows a rule; y decides where it is open."""

    @staticmethod
    def forward(ctx, x, y, rule):
        ctx.save_for_backward(y)
        ctx.rule = rule
        return torch.clamp(x, min=0)

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        if ctx.rule != "relu":
            grad = grad * (y > 0)
        return (grad if ctx.rule is None else grad * (grad > 0)), None, None


class Decided:
    """Keras's ReLU and max pooling, deciding by another program's activations where it has them. A gradient jumps where an activation
    passes zero or two of a window are equal, so two correct programs in float32 may differ by far more than their rounding."""

    def __init__(self, scores, rule, activations):
        self.rule, self.activations = rule, activations
        self.relus = [layer for layer in scores.layers if getattr(layer, "activation", None) is keras.activations.relu]
        self.pools = [layer for layer in scores.layers if isinstance(layer, keras.layers.MaxPooling2D)]
        self.known = {}

    def of(self, tensor):
        """The other's values of a layer's output, channels last."""
        name = tensor._keras_history.operation.name
        if name not in self.known:
            self.known[name] = torch.tensor(self.activations(name))
        return self.known[name]

    def relu(self, x):
        x = backend.convert_to_tensor(x)
        y = self.of(self.relus.pop(0).output).reshape(x.shape) if self.activations else x
        return Relu.apply(x, y, self.rule)

    def max_pool(self, x, pool_size, strides=None, padding="valid", data_format=None):
        layer = self.pools.pop(0)
        decides = (self.of(layer.input) if self.activations else x).permute(0, 3, 1, 2)
        _, where = torch.nn.functional.max_pool2d(decides, layer.pool_size, layer.strides, return_indices=True)
        chosen = x.permute(0, 3, 1, 2).flatten(2).gather(2, where.flatten(2)).reshape(where.shape)
        return chosen.permute(0, 2, 3, 1)


def heat_map(scores, layer, target, pixels, rule, activations=None):
    """keras-vis's visualize_cam by PyTorch's gradients; its zoom is actmax's, which tests/python/test_vis.py holds against SciPy's.
    activations: gives a layer's output by name, for Decided; for networks whose pools are unpadded."""
    kept = backend.nn.relu, backend.nn.max_pool
    decided = Decided(scores, rule, activations)
    backend.nn.relu = decided.relu
    if activations:
        backend.nn.max_pool = decided.max_pool
    try:
        both = keras.Model(scores.inputs, [scores.get_layer(layer).output, scores.output])
        features, output = both([torch.tensor(np.asarray(pixels, np.float32)[None])], training=False)
        (grads,) = torch.autograd.grad(output[0, target], features)
    finally:
        backend.nn.relu, backend.nn.max_pool = kept
    grads, features = grads.detach().cpu().numpy(), features.detach().cpu().numpy()
    weights = (grads / (grads.max() + 1e-7)).mean((0, 1, 2))
    heat = np.maximum((features[0] * weights).sum(-1), 0)
    heat = _sampling.zoom(heat, np.shape(pixels)[:2])
    return (heat - heat.min()) / (heat.max() - heat.min() + 1e-7)
