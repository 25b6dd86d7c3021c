"""Small networks, one for each group of layers, for make_keras_goldens.py. Each function gives (model, names of layers to compare)."""
import keras
import numpy as np
from keras import layers, ops

NETWORKS = {}


def network(function):
    NETWORKS[function.__name__] = function
    return function


@network
def plain():
    model = keras.Sequential(
        [
            keras.Input((12, 10, 3), name="picture"),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="block1_conv1"),
            layers.Conv2D(5, (3, 2), strides=(2, 1), activation="relu", name="block1_conv2"),
            layers.MaxPooling2D(2, name="block1_pool"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(6, activation="relu", name="fc1"),
            layers.Dense(5, activation="softmax", name="predictions"),
        ],
        name="plain",
    )
    return model, ["block1_conv1", "block1_conv2", "block1_pool", "flatten", "fc1"]


@network
def residual():
    x = keras.Input((11, 13, 3), name="input_1")
    y = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    y = layers.BatchNormalization(name="stem_bn")(y)
    stem = layers.Activation("relu", name="stem_relu")(y)
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu", name="depthwise")(stem)
    y = layers.Conv2D(6, 1, groups=2, name="grouped")(y)
    y = layers.BatchNormalization(scale=False, epsilon=1e-2, name="bn_no_scale")(y)
    z = layers.SeparableConv2D(6, 3, padding="same", name="separable")(stem)
    z = layers.BatchNormalization(center=False, name="bn_no_centre")(z)
    y = layers.Add(name="add")([y, z, stem])
    y = layers.ReLU(max_value=6.0, name="relu6")(y)
    a = layers.Conv2D(3, 3, dilation_rate=2, padding="same", name="dilated")(y)
    b = layers.ZeroPadding2D(((1, 2), (0, 3)), name="pad")(y)
    b = layers.Cropping2D(((2, 1), (1, 2)), name="crop")(b)
    y = layers.Concatenate(name="concat")([a, b])
    y = layers.GlobalAveragePooling2D(name="gap")(y)
    y = layers.Dense(4, activation="sigmoid", name="out")(y)
    return keras.Model(x, y, name="residual"), ["stem", "stem_bn", "depthwise", "grouped", "separable", "add", "relu6", "crop", "concat", "gap"]


@network
def nested():
    a = keras.Input((8, 8, 4), name="inner_input")
    b = layers.Conv2D(4, 3, padding="same", activation="relu", name="inner_conv")(a)
    b = layers.BatchNormalization(name="inner_bn")(b)
    frozen = layers.Conv2D(4, 1, name="inner_frozen")
    frozen.trainable = False
    b = frozen(b)
    inner = keras.Model(a, b, name="inner")
    head = keras.Sequential(
        [layers.GlobalMaxPooling2D(name="pool"), layers.Dense(5, activation="tanh", name="hidden"), layers.Dense(3, name="scores")], name="head"
    )
    x = keras.Input((8, 8, 4), name="x")
    shared = layers.Conv2D(4, 1, activation="relu", name="shared")
    y = shared(x)
    y = inner(y)
    y = shared(y)
    y = inner(y)
    return keras.Model(x, head(y), name="outer"), ["shared", "inner", "shared/call_2", "inner/call_2", "inner/inner_bn", "head/hidden"]


@network
def activations():
    x = keras.Input((3, 4, 4), name="x")
    names = "linear relu relu6 leaky_relu elu selu celu gelu sigmoid hard_sigmoid tanh softmax log_softmax softplus softsign silu".split()
    names += "mish exponential hard_silu tanh_shrink hard_tanh log_sigmoid".split()
    parts = [layers.Conv2D(4, 1, activation=name, name=f"with_{name}")(x) for name in names]
    y = layers.Concatenate(name="all")(parts)
    y = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(y)
    y = layers.Conv2D(3, 1, activation=layers.LeakyReLU(negative_slope=0.4), name="layer_as_activation")(y)
    return keras.Model(x, layers.Flatten(name="out")(y), name="activations"), [f"with_{name}" for name in names] + ["layer_as_activation"]


@network
def rectifiers():
    x = keras.Input((4, 5, 3), name="x")
    parts = [
        layers.ReLU(name="relu")(x),
        layers.ReLU(max_value=0.5, negative_slope=0.1, name="relu_slope")(x),
        layers.ReLU(threshold=0.3, name="relu_threshold")(x),
        layers.LeakyReLU(negative_slope=0.25, name="leaky")(x),
        layers.PReLU(name="prelu")(x),
        layers.PReLU(shared_axes=[1, 2], name="prelu_shared")(x),
        layers.ELU(alpha=0.7, name="elu")(x),
        layers.Softmax(name="softmax")(x),
        layers.Softmax(axis=1, name="softmax_rows")(x),
    ]
    y = layers.Concatenate(axis=1, name="all")(parts)
    y = layers.Flatten(name="flat")(y)
    y = layers.PReLU(name="prelu_rows")(y)
    return keras.Model(x, layers.Dense(3, name="out")(y), name="rectifiers"), ["relu_slope", "relu_threshold", "prelu", "prelu_shared", "softmax_rows", "all", "prelu_rows"]


@network
def preprocessing():
    x = keras.Input((6, 6, 3), name="x")
    y = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(x)
    y = layers.RandomFlip(name="flip")(y)
    y = layers.RandomRotation(0.1, name="rotate")(y)
    y = layers.Rescaling([1.0, 2.0, 0.5], offset=[0.1, -0.2, 0.3], name="by_channel")(y)
    y = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.2, 0.3, 0.4], name="given")(y)
    y = layers.Normalization(name="learned")(y)
    y = layers.GaussianNoise(0.2, name="noise")(y)
    y = layers.Conv2D(3, 3, name="conv")(y)
    y = layers.SpatialDropout2D(0.3, name="drop")(y)
    return keras.Model(x, layers.GlobalAveragePooling2D(name="out")(y), name="preprocessing"), ["rescale", "by_channel", "given", "learned", "conv"]


@network
def normalisations():
    x = keras.Input((5, 4, 6), name="x")
    y = layers.Conv2D(6, 1, name="conv")(x)
    a = layers.LayerNormalization(name="layer_norm")(y)
    a = layers.Conv2D(6, 1, name="after_norm")(a)
    b = layers.GroupNormalization(groups=3, name="group_norm")(y)
    c = layers.UnitNormalization(name="unit_norm")(y)
    y = layers.Add(name="add")([a, b, c])
    y = layers.Dense(5, activation="gelu", name="dense_on_image")(y)
    y = layers.GlobalAveragePooling2D(name="gap")(y)
    y = layers.LayerNormalization(epsilon=1e-6, name="row_norm")(y)
    y = layers.BatchNormalization(name="row_bn")(y)
    return keras.Model(x, layers.Dense(2, use_bias=False, name="out")(y), name="normalisations"), ["layer_norm", "after_norm", "group_norm", "unit_norm", "dense_on_image", "row_norm", "row_bn"]


@network
def enlarging():
    x = keras.Input((4, 5, 3), name="x")
    a = layers.UpSampling2D((2, 3), name="nearest")(x)
    b = layers.UpSampling2D((2, 3), interpolation="bilinear", name="bilinear")(x)
    y = layers.Add(name="add")([a, b])
    y = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="transposed_same")(y)
    y = layers.Conv2DTranspose(2, (5, 4), strides=(2, 3), padding="same", name="transposed_5x4")(y)
    y = layers.Conv2DTranspose(3, 4, strides=2, padding="valid", use_bias=False, name="transposed_valid")(y)
    g = layers.Conv2DTranspose(3, 2, strides=3, padding="valid", name="transposed_gap")(x)
    y = layers.Add(name="out")([layers.GlobalAveragePooling2D(name="mean")(y), layers.GlobalAveragePooling2D(name="mean_gap")(g)])
    return keras.Model(x, y, name="enlarging"), ["nearest", "bilinear", "transposed_same", "transposed_5x4", "transposed_gap", "mean"]


@network
def shapes():
    x = keras.Input((6, 5, 4), name="x")
    y = layers.Conv2D(4, 1, name="conv")(x)
    y = layers.Reshape((30, 4), name="sequence")(y)
    y = layers.Conv1D(5, 3, padding="causal", dilation_rate=2, activation="relu", name="causal")(y)
    y = layers.MaxPooling1D(2, padding="same", name="max1")(y)
    y = layers.SeparableConv1D(6, 3, padding="same", name="separable1")(y)
    y = layers.AveragePooling1D(3, strides=2, name="average1")(y)
    y = layers.ZeroPadding1D((1, 2), name="pad1")(y)
    y = layers.Cropping1D((0, 1), name="crop1")(y)
    z = layers.GlobalAveragePooling1D(name="gap1")(y)
    y = layers.Permute((2, 1), name="permute")(y)
    y = layers.Reshape((-1, 3, 3, 2), name="cube")(y)
    y = layers.Flatten(name="flat")(y)
    y = layers.Dense(6, name="dense")(y)
    return keras.Model(x, layers.Multiply(name="out")([y, z]), name="shapes"), ["sequence", "causal", "max1", "separable1", "average1", "crop1", "gap1", "permute", "flat"]


# Keras on PyTorch repeats the edge where "same" padding is uneven, TensorFlow and JAX leave it out of an average: even here.
@network
def pools():
    x = keras.Input((9, 7, 3), name="x")
    parts = [
        layers.MaxPooling2D(3, strides=2, padding="same", name="max_same")(x),
        layers.AveragePooling2D(3, strides=2, padding="same", name="average_same")(x),
    ]
    y = layers.Concatenate(name="concat")(parts)
    y = layers.AveragePooling2D((2, 1), strides=1, name="average_valid")(y)
    a = layers.GlobalMaxPooling2D(name="gmax")(y)
    b = layers.GlobalAveragePooling2D(name="gmean")(y)
    return keras.Model(x, layers.Maximum(name="out")([a, b]), name="pools"), ["max_same", "average_same", "average_valid", "gmax", "gmean"]


@network
def merges():
    x = keras.Input((5, 5, 4), name="x")
    a = layers.Conv2D(4, 3, padding="same", name="a")(x)
    s = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(a)
    s = layers.Conv2D(4, 1, activation="sigmoid", name="excite")(s)
    b = layers.Multiply(name="scaled")([a, s])
    s2 = layers.Reshape((1, 1, 4), name="reshaped")(layers.GlobalAveragePooling2D(name="mean")(x))
    b = layers.Multiply(name="scaled_again")([b, s2])
    c = layers.Average(name="average")([a, b, x])
    d = layers.Subtract(name="subtract")([c, x])
    e = layers.Minimum(name="minimum")([d, a])
    y = layers.Flatten(name="flat")(e)
    return keras.Model(x, layers.Dense(3, name="out")(y), name="merges"), ["scaled", "scaled_again", "average", "subtract", "minimum", "flat"]


@network
def operations():
    x = keras.Input((6, 6, 4), name="x")
    y = layers.Conv2D(4, 3, name="conv")(x)
    y = 2.0 * y + 1.0
    y = ops.relu6(y) - 0.5
    y = ops.silu(y) * y
    y = 1.0 / (ops.exp(y) + 1.0)
    y = ops.clip(y, 0.1, 0.8)
    z = ops.mean(y, axis=[1, 2], keepdims=True)
    y = ops.concatenate([y, y * z], axis=-1)
    y = ops.mean(y, axis=(1, 2))
    y = ops.reshape(y, (-1, 4, 2))
    return keras.Model(x, layers.Flatten(name="out")(y), name="operations"), ["conv"]


@network
def channels_first():
    x = keras.Input((3, 9, 8), name="x")
    y = layers.Conv2D(4, 3, data_format="channels_first", padding="same", activation="relu", name="conv")(x)
    y = layers.BatchNormalization(axis=1, name="bn")(y)
    y = layers.DepthwiseConv2D(3, data_format="channels_first", name="depthwise")(y)
    y = layers.MaxPooling2D(2, data_format="channels_first", name="pool")(y)
    y = layers.Flatten(data_format="channels_first", name="flat")(y)
    return keras.Model(x, layers.Dense(3, activation="softmax", name="out")(y), name="first"), ["conv", "bn", "depthwise", "pool", "flat"]


@network
def transposed():
    x = keras.Input((5, 4, 3), name="x")
    parts = []
    for kernel, stride, more, padding in ((3, 2, 1, "same"), (3, 2, 0, "same"), (4, 3, 1, "same"), (2, 3, 1, "same"), (3, 2, 1, "valid"), ((5, 2), 2, (1, 0), "same")):
        name = f"t{len(parts)}"
        y = layers.Conv2DTranspose(2, kernel, strides=stride, padding=padding, output_padding=more, name=name)(x)
        parts.append(layers.GlobalAveragePooling2D(name=f"{name}_mean")(y))
    y = layers.Reshape((10, 6), name="sequence")(x)
    y = layers.Conv1DTranspose(3, 4, strides=3, padding="same", activation="relu", name="one_axis")(y)
    y = layers.UpSampling1D(3, name="repeated")(y)
    y = layers.Conv1DTranspose(2, 3, strides=2, padding="valid", name="one_axis_valid")(y)
    y = layers.Conv1DTranspose(2, 3, strides=2, padding="same", output_padding=1, name="one_axis_more")(y)
    parts.append(layers.GlobalAveragePooling1D(name="mean")(y))
    return keras.Model(x, layers.Add(name="out")(parts), name="transposed"), [f"t{i}" for i in range(6)] + ["one_axis", "repeated", "one_axis_valid", "one_axis_more"]


@network
def sizes():
    x = keras.Input((7, 6, 3), name="x")
    a = layers.Resizing(9, 5, name="bilinear")(x)
    b = layers.CenterCrop(4, 3, name="centre")(a)
    c = layers.CenterCrop(4, 3, name="centre_even")(x)
    y = layers.Add(name="add")([b, c])
    y = layers.RandomErasing(name="erasing")(y)
    y = layers.Conv2D(3, 2, name="conv")(y)
    return keras.Model(x, layers.GlobalAveragePooling2D(name="out")(y), name="sizes"), ["bilinear", "centre", "centre_even", "conv"]


@network
def normalisation_axes():
    x = keras.Input((4, 3, 6), name="x")
    parts = [
        layers.LayerNormalization(axis=[1, 2, 3], name="whole")(x),
        layers.LayerNormalization(axis=[2, 3], name="rows")(x),
        layers.LayerNormalization(axis=[1, 3], epsilon=1e-2, name="columns")(x),
        layers.LayerNormalization(center=False, scale=False, name="bare")(x),
        layers.LayerNormalization(center=False, name="scale_only")(x),
        layers.LayerNormalization(scale=False, name="centre_only")(x),
        layers.LayerNormalization(rms_scaling=True, name="rms_scaling")(x),
        layers.RMSNormalization(name="rms")(x),
        layers.UnitNormalization(axis=1, name="unit_rows")(x),
        layers.UnitNormalization(axis=[1, 3], name="unit_two")(x),
        layers.GroupNormalization(groups=-1, center=False, name="instance")(x),
        layers.GroupNormalization(groups=2, scale=False, name="groups")(x),
        layers.Normalization(mean=[0.1] * 6, variance=[0.4, 0.5, 0.6, 0.7, 0.8, 0.9], invert=True, name="inverted")(x),
        layers.Softmax(axis=[1, 2], name="softmax_space")(x),
    ]
    y = layers.Concatenate(name="all")(parts)
    y = layers.Flatten(name="flat")(y)
    return keras.Model(x, layers.Dense(3, name="out")(y), name="normalisation_axes"), "whole rows columns bare scale_only centre_only rms_scaling rms unit_rows unit_two instance groups inverted softmax_space".split()


@network
def activations_more():
    x = keras.Input((3, 4, 4), name="x")
    names = "hard_shrink soft_shrink squareplus sparse_plus sparse_sigmoid swish hard_swish".split()
    parts = [layers.Conv2D(4, 1, activation=name, name=f"with_{name}")(x) for name in names]
    parts += [
        layers.ReLU(max_value=0.9, negative_slope=0.2, threshold=0.3, name="relu_all")(x),
        layers.ReLU(negative_slope=0.2, threshold=0.6, name="relu_low")(x),
        layers.ReLU(max_value=1.5, threshold=0.4, name="relu_bounded")(x),
        layers.Activation("log_softmax", name="log_softmax")(x),
    ]
    y = layers.Concatenate(name="all")(parts)
    return keras.Model(x, layers.GlobalAveragePooling2D(name="out")(y), name="activations_more"), [f"with_{name}" for name in names] + ["relu_all", "relu_low", "relu_bounded", "log_softmax"]


@network
def dots():
    x = keras.Input((5, 4, 4), name="x")
    a = layers.Conv2D(4, 1, name="a")(x)
    r = layers.Reshape((20, 4), name="r")(x)
    s = layers.Reshape((20, 4), name="s")(a)
    attention = layers.Dot(axes=2, name="attention")([r, s])
    attention = layers.Softmax(name="softmax")(attention)
    y = layers.Dot(axes=(2, 1), name="attended")([attention, s])
    gram = layers.Dot(axes=1, normalize=True, name="gram")([r, s])
    u, v = layers.GlobalAveragePooling1D(name="u")(y), layers.GlobalMaxPooling1D(name="v")(s)
    cosine = layers.Dot(axes=1, normalize=True, name="cosine")([u, v])
    mixed = layers.Dot(axes=(1, 2), name="mixed")([u, y])
    y = layers.Concatenate(name="all")([layers.Flatten(name="flat")(gram), cosine, mixed])
    return keras.Model(x, layers.Dense(3, name="out")(y), name="dots"), ["attention", "attended", "gram", "cosine", "mixed"]


@network
def operations_more():
    x = keras.Input((6, 5, 4), name="x")
    y = x[..., 1:] - 0.5
    y = layers.Conv2D(4, 3, padding="same", name="conv")(y)
    y = ops.leaky_relu(y, 0.1) + ops.elu(y, 0.5) * ops.gelu(y) - ops.gelu(y, approximate=False)
    y = y / ops.sqrt(ops.sum(ops.square(y), axis=-1, keepdims=True) + 0.1)
    y = y * ops.rsqrt(ops.max(ops.abs(y), axis=[1, 2], keepdims=True) + 1.0) + ops.power(y, 2) - ops.min(y, axis=-1, keepdims=True)
    y = layers.Conv2D(4, 1, name="point")(y)
    y = ops.pad(y, ((0, 0), (1, 0), (0, 2), (0, 0)))
    y = ops.max_pool(y, 2, strides=1) + ops.average_pool(y, 2, strides=1)
    y = y[:, 1:-1, ::2, :3] * ops.softmax(y, axis=-1)[:, 1:-1, ::2, :3]
    y = layers.Conv2D(3, 1, name="last")(y)
    z = ops.squeeze(ops.mean(y, axis=[1, 2], keepdims=True), axis=1)
    z = ops.expand_dims(ops.log_softmax(z), axis=1)
    y = ops.transpose(y * z, (0, 2, 1, 3))
    y = y[:, 0] + ops.hard_tanh(y[:, -1])
    return keras.Model(x, layers.Flatten(name="out")(y), name="operations_more"), ["conv", "point", "last"]


@network
def volumes():
    x = keras.Input((8, 6, 4), name="x")
    y = layers.Reshape((4, 2, 6, 4), name="cut")(x)
    y = layers.Conv3D(3, (3, 2, 3), padding="same", activation="relu", name="conv")(y)
    a = layers.MaxPooling3D((2, 1, 2), strides=1, padding="same", name="max")(y)
    b = layers.ZeroPadding3D(((1, 0), (0, 0), (0, 1)), name="before")(y)
    b = layers.AveragePooling3D((2, 1, 2), strides=1, name="average")(b)
    y = layers.Concatenate(name="both")([a, b])
    y = layers.Conv3D(4, (2, 1, 3), strides=(1, 1, 2), groups=2, use_bias=False, name="grouped")(y)
    y = layers.BatchNormalization(name="bn")(y)
    y = layers.ZeroPadding3D(((1, 0), (0, 2), (1, 1)), name="pad")(y)
    y = layers.Conv3D(3, 2, dilation_rate=(1, 2, 1), name="dilated")(y)
    y = layers.Conv3DTranspose(2, (2, 3, 2), strides=(2, 1, 2), padding="same", activation="tanh", name="transposed")(y)
    y = layers.UpSampling3D((1, 2, 2), name="repeated")(y)
    y = layers.Cropping3D(((1, 0), (0, 0), (0, 2)), name="crop")(y)
    y = layers.SpatialDropout3D(0.3, name="drop")(y)
    m = layers.GlobalMaxPooling3D(name="gmax")(y)
    y = layers.GlobalAveragePooling3D(keepdims=True, name="gmean")(y)
    y = layers.Concatenate(name="ends")([layers.Flatten(name="flat")(y), m])
    names = "conv max average both grouped bn pad dilated transposed repeated crop gmax gmean".split()
    return keras.Model(x, layers.Dense(3, name="out")(y), name="volumes"), names


@network
def normalisation_more():
    x = keras.Input((4, 3, 6), name="x")
    parts = [
        layers.BatchNormalization(axis=2, name="columns")(x),
        layers.BatchNormalization(axis=2, scale=False, name="columns_shift")(layers.Conv2D(6, 1, name="conv")(x)),
        layers.GroupNormalization(groups=3, center=False, scale=False, name="groups_bare")(x),
        layers.GroupNormalization(groups=-1, center=False, scale=False, epsilon=1e-2, name="instance_bare")(x),
    ]
    y = layers.Concatenate(name="all")(parts)
    z = layers.Reshape((4, 3, 6, 4), name="volume")(y)
    z = layers.BatchNormalization(axis=-2, name="volume_columns")(z)
    z = layers.GroupNormalization(groups=2, name="volume_groups")(z)
    y = layers.Dense(10, name="hidden")(layers.Flatten(name="flat")(z))
    y = layers.GroupNormalization(groups=2, name="row_groups")(y)
    y = layers.Concatenate(name="rows")([y, layers.GroupNormalization(groups=2, center=False, scale=False, name="row_bare")(y)])
    names = "columns columns_shift groups_bare instance_bare volume_columns volume_groups row_groups row_bare".split()
    return keras.Model(x, layers.Dense(3, name="out")(y), name="normalisation_more"), names


@network
def gates():
    """Keras takes the shape that glu gives for that of its input, so no weights may follow it."""
    x = keras.Input((3, 4, 4), name="x")
    y = layers.Conv2D(5, 1, activation="sparsemax", name="with_sparsemax")(x)
    z = ops.sparsemax(layers.Conv2D(5, 1, name="conv")(y), axis=2) + ops.glu(layers.Conv2D(5, 1, name="wide")(x), axis=2)[:, :, :1]
    parts = [
        layers.GlobalAveragePooling2D(name="first")(layers.Conv2D(6, 1, activation="glu", name="with_glu")(z)),
        layers.GlobalMaxPooling2D(name="second")(layers.Dense(4, activation="glu", name="dense_glu")(z)),
        layers.Dense(7, activation="sparsemax", name="dense_sparsemax")(layers.Flatten(name="flat")(z)),
    ]
    return keras.Model(x, layers.Concatenate(name="out")(parts), name="gates"), "with_sparsemax with_glu dense_glu dense_sparsemax".split()


@network
def indices():
    x = keras.Input((5, 6, 4), name="x")
    y = layers.Conv2D(4, 1, name="conv")(x[:, :])
    y = y[:, 1:, None, 1::2] * y[:, 1:, None, :3, :1]
    y = y[..., None, 2, :][:, :, 0] + y[:, :, 0, -1, None]
    y = layers.Conv2D(3, 1, name="point")(y[:, :, :, 1:, None][:, :, 0])
    return keras.Model(x, layers.GlobalAveragePooling2D(name="out")(y), name="indices"), ["conv", "point"]


@network
def proportions():
    x = keras.Input((7, 10, 3), name="x")
    a = layers.Resizing(6, 5, crop_to_aspect_ratio=True, name="cropped")(x)
    b = layers.Resizing(6, 5, pad_to_aspect_ratio=True, fill_value=0.5, name="padded")(x)
    c = layers.Resizing(6, 5, interpolation="nearest", crop_to_aspect_ratio=True, name="nearest")(layers.Conv2D(3, 2, name="conv")(x))
    d = layers.CenterCrop(6, 5, name="centre")(x)
    e = layers.CenterCrop(8, 4, name="centre_larger")(x)
    y = layers.Add(name="add")([a, b, c, d])
    y = layers.Concatenate(name="both")([layers.GlobalAveragePooling2D(name="mean")(y), layers.GlobalMaxPooling2D(name="max")(e)])
    return keras.Model(x, layers.Dense(3, name="out")(y), name="proportions"), "cropped padded nearest centre centre_larger".split()


@network
def parts():
    x = keras.Input((6, 8, 8), name="x")
    y = layers.Conv2D(9, 3, padding="same", name="conv")(x)
    a, b, c = ops.split(y, 3, axis=-1)
    d, e, f = ops.split(y, [2, 5], axis=3)
    g, h = ops.split(a * b - c, 2, axis=1)
    rows = ops.unstack(layers.Concatenate(name="thirds")([d * f[..., 1:3], e]), axis=1)
    y = ops.stack([rows[0] + rows[4], rows[1] * rows[3], rows[5]], axis=1)
    y = ops.concatenate([y, g, h], axis=-1)
    y = layers.Conv2D(8, 1, name="point")(y)
    y = ops.depth_to_space(y, 2)
    z = ops.space_to_depth(ops.relu(y), 2) + ops.swapaxes(ops.flip(ops.space_to_depth(x, 2), axis=1), 1, 2)[:, :3, :1, :8]
    y = layers.Conv2D(4, 3, name="last")(ops.image.resize(z, (5, 7), interpolation="bilinear"))
    return keras.Model(x, layers.Flatten(name="out")(y), name="parts"), ["conv", "thirds", "point", "last"]


@network
def operands():
    """Constants of axes, and what is left of keras.ops."""
    x = keras.Input((5, 4, 3), name="x")
    y = ops.flip(x, axis=-1) - np.array([1.0, 0.5, -0.25], "float32")
    y = layers.Conv2D(3, 1, name="conv")(ops.add(np.arange(12, dtype="float32").reshape(1, 1, 4, 3) / 8, y))
    y = ops.normalize(y, axis=-1) + ops.erf(y) * ops.reciprocal(ops.amax(ops.abs(y), axis=1, keepdims=True) + 1.0)
    y = ops.prod(y, axis=-1, keepdims=True) + ops.logsumexp(y, axis=(1, 2), keepdims=True) - ops.amin(y, axis=2, keepdims=True)
    y = layers.Conv2D(3, 1, name="last")(ops.stop_gradient(x[:, :1, :1] * 0.0) + y)
    return keras.Model(x, layers.Flatten(name="out")(y), name="operands"), ["conv", "last"]
