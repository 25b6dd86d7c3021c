#!/usr/bin/env python3
"""Makes onnx/tf2onnx*: a network written in TensorFlow (channels last) as tf2onnx saves it, and what TensorFlow computes in float64.

    tf2onnx_raw.onnx   as converted, before tf2onnx's optimizers: an image of [1, height, width, 3], and a Transpose before and after
                       every convolution, pool and normalisation
    tf2onnx.onnx       with its optimizers, which move the transposes to the ends
    tf2onnx.bin        the scores of an image, weights, and the gradient of the scores' weighted sum with respect to the image

Needs tensorflow, tf2onnx, onnx, onnxruntime and numpy. Used by tests/unit/test_onnx_transposes.c.
"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import tensorflow as tf
from tf2onnx import convert, tf_loader

from onnx_pack import record, values, write

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx")
SIDE = 17


def network(x):
    def weight(name, *shape, low=-0.4, high=0.4):
        return tf.constant(values("tf2onnx " + name, *shape, low=low, high=high), x.dtype)

    def convolution(x, name, outputs, side, stride=1, padding="SAME"):
        kernel = weight(name, side, side, x.shape[-1], outputs)
        return tf.nn.conv2d(x, kernel, stride, padding) + weight(name + " bias", outputs)

    def normalised(x, name):
        channels = x.shape[-1]
        return tf.nn.batch_normalization(x, weight(name + " mean", channels), weight(name + " variance", channels, low=0.5, high=1.5),
                                         weight(name + " beta", channels), weight(name + " gamma", channels, low=0.5, high=1.5), 1e-3)

    x = tf.nn.relu6(normalised(convolution(x, "stem", 8, 3, 2), "stem"))
    d = tf.nn.depthwise_conv2d(x, weight("depthwise", 3, 3, 8, 1), [1, 1, 1, 1], "SAME")
    d = tf.nn.leaky_relu(normalised(d, "depthwise"), 0.1)
    x = x + convolution(d, "point", 8, 1)
    x = tf.nn.max_pool2d(x, 3, 2, "SAME")
    x = tf.concat([tf.nn.relu(convolution(x, "left", 4, 3)), tf.nn.elu(convolution(x, "right", 4, 1))], -1)
    gate = tf.reduce_mean(x, [1, 2], keepdims=True)
    gate = tf.sigmoid(convolution(tf.nn.relu(convolution(gate, "down", 4, 1)), "up", 8, 1))
    x = tf.pad(x * gate, [[0, 0], [0, 1], [1, 0], [0, 0]])
    x = tf.nn.avg_pool2d(tf.nn.softplus(convolution(x, "last", 6, 3, 1, "VALID")), 2, 1, "VALID")
    x = tf.reduce_mean(x, [1, 2])
    return tf.matmul(x, weight("dense", 6, 5)) + weight("dense bias", 5)


def save(optimized, path):
    function = tf.function(lambda image: tf.identity(network(image), "scores"))
    signature = [tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32, "image")]
    concrete = function.get_concrete_function(*signature)
    names = ([concrete.inputs[0].name], [concrete.outputs[0].name])
    frozen = tf_loader.from_function(concrete, *names)
    model, _ = convert._convert_common(frozen, input_names=names[0], output_names=names[1], opset=17, optimizers=None if optimized else {},
                                       tensors_to_rename={names[0][0]: "image", names[1][0]: "scores"})
    for node in model.graph.node:
        node.ClearField("doc_string")
    del model.graph.value_info[:]
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    print(path, [n.op_type for n in model.graph.node].count("Transpose"), "of", len(model.graph.node), "nodes are Transpose")
    return model


def main():
    image = values("tf2onnx image", 1, SIDE, SIDE, 3)
    weights = values("tf2onnx weights", 1, 5)
    for name in ("tf2onnx_raw", "tf2onnx"):
        save(name == "tf2onnx", os.path.join(FOLDER, name + ".onnx"))
    x = tf.constant(image, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = network(x)
        total = tf.reduce_sum(scores * tf.constant(weights, tf.float64))
    gradient = tape.gradient(total, x)
    outputs = [("scores", scores.numpy()), ("weights", weights), ("gradient", gradient.numpy())]
    write(os.path.join(FOLDER, "tf2onnx.bin"), [record("tf2onnx", b"", image, [], outputs, "image")])


main()
