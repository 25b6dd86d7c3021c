#!/usr/bin/env python3
"""Other programs for the same job, where they install: one whole process each, from start to file.

    bench_peers.py torch-lucent|tf-keras-vis  VGG16.pt --steps N --out FILE     a picture of VGG16's block3_conv3, filter 56
    bench_peers.py grad-cam                   VGG16.pt --image FILE --out FILE  Grad-CAM of the top class at block5_conv3

Each is called as its own documentation does, with what costs time for nothing left out: weights are frozen and mapped from the file,
lucent's random transforms are off. tf-keras-vis gets only the layers up to the target, with weights that it need not even load.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import re
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The convolutions of torchvision's VGG16, in order, as this benchmark's network calls them.
PLAN = ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))


def import_torchvision():
    """A torchvision of PyPI beside a processor-only PyTorch misses its operators for boxes, which nothing here calls: they are
    declared, so that it can be imported."""
    import torch

    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        folder = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
        library = torch.library.Library("torchvision", "DEF")
        text = (folder / "_meta_registrations.py").read_text()
        for name in sorted(set(re.findall(r'register_\w+\("(?:torchvision::)?(\w+)"', text))):
            library.define(name + "(Tensor a) -> Tensor")
        import torchvision

        torchvision.declared = library
    return torchvision


def vgg16(path):
    """torchvision's VGG16 with the weights of a file of bench_torch.py."""
    import torch

    torchvision = import_torchvision()
    tensors = torch.load(path, mmap=True, weights_only=True)["tensors"]
    names = ["block%d_conv%d_linear" % (block, i) for block, count in PLAN for i in range(1, count + 1)]
    names += ["fc1_linear", "fc2_linear", "logits"]
    with torch.device("meta"):
        model = torchvision.models.vgg16(weights=None)
    layers = [layer for part in (model.features, model.classifier) for layer in part if hasattr(layer, "weight")]
    for name, layer in zip(names, layers):
        layer.load_state_dict({"weight": tensors[name + "_weight"], "bias": tensors[name + "_bias"]}, assign=True)
    return model.eval().requires_grad_(False)


def torch_lucent(options):
    import torch

    import_torchvision()
    from lucent.optvis import render

    torch.set_num_threads(options.threads)
    model = vgg16(options.network)
    # features_15 is the ReLU after the third convolution of the third block.
    render.render_vis(model, "features_15:56", transforms=[], thresholds=(options.steps,), preprocess=False, progress=False,
                      show_image=False, save_image=True, image_name=options.out, fixed_image_size=224)


def grad_cam(options):
    import numpy
    import torch

    import_torchvision()
    from PIL import Image
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.image import show_cam_on_image

    torch.set_num_threads(options.threads)
    model = vgg16(options.network)
    model.features[28].requires_grad_(True)  # it wants a graph of gradients, which so begins at the map's layer
    image = numpy.asarray(Image.open(options.image).convert("RGB"), dtype=numpy.float32)
    means = numpy.array([123.68, 116.779, 103.939], dtype=numpy.float32)
    tensor = torch.from_numpy((image - means)[:, :, ::-1].copy()).permute(2, 0, 1).unsqueeze(0)
    with GradCAM(model=model, target_layers=[model.features[29]]) as cam:
        map_ = cam(input_tensor=tensor, targets=None)[0]
    Image.fromarray(show_cam_on_image(image / 255.0, map_, use_rgb=True)).save(options.out)


def tf_keras_vis(options):
    import tensorflow as tf
    from PIL import Image
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.scores import CategoricalScore

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    layers = tf.keras.layers
    inputs = x = layers.Input((224, 224, 3))
    for block, count in PLAN[:3]:
        for _ in range(count):
            x = layers.Conv2D(32 << block, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        x = layers.MaxPooling2D()(x) if block < 3 else x
    visualize = ActivationMaximization(tf.keras.Model(inputs, x), clone=False)
    out = visualize(CategoricalScore(56), steps=options.steps, input_modifiers=[])
    Image.fromarray(tf.cast(out[0], tf.uint8).numpy()).save(options.out)


PEERS = {"torch-lucent": torch_lucent, "tf-keras-vis": tf_keras_vis, "grad-cam": grad_cam}


def main():
    began = time.perf_counter()
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("network")
    parser.add_argument("--image")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    PEERS[options.peer](options)
    print(json.dumps({"kind": "peer", "ms": 1e3 * (time.perf_counter() - began)}))


if __name__ == "__main__":
    main()
