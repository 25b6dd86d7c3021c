"""What is measured: the networks, their layers, and the targets that the project has set itself.

A network's `settings` are actmax's options and `preprocess` the same in bench_torch.py. `score` is the tensor that holds the classes'
scores before the softmax: actmax finds it by itself from the network's output.
"""

NETWORKS = {
    "vgg16": {"title": "VGG16", "side": 224, "settings": ["preprocess=caffe"], "preprocess": "caffe", "score": "logits",
              "cam": "block5_conv3", "normalised": False},
    "resnet50": {"title": "ResNet-50", "side": 224, "settings": ["preprocess=torch"], "preprocess": "torch", "score": "logits",
                 "cam": "conv5_block3_out", "normalised": True},
    "inception_v3": {"title": "Inception v3", "side": 299, "settings": ["preprocess=tf"], "preprocess": "tf", "score": "logits",
                     "cam": "Mixed_7c", "normalised": True},
    "squeezenet": {"title": "SqueezeNet 1.1", "side": 224, "preprocess": "squeezenet", "score": "conv10_1", "cam": "fire9/concat_1",
                   "settings": ["scale=1", "mean=104,117,123", "std=1,1,1", "channels=bgr"], "normalised": False},
    "mobilenet_v2": {"title": "MobileNet v2", "side": 224, "settings": ["preprocess=tf"], "preprocess": "tf", "score": "Logits",
                     "cam": "Conv_1/Relu6", "normalised": False},
    "efficientnet_lite0": {"title": "EfficientNet-Lite0", "side": 224, "preprocess": "lite", "score": "logits", "cam": "top_relu",
                           "settings": ["scale=1", "mean=127,127,127", "std=128,128,128", "channels=rgb"], "normalised": True},
}
# Files of $ACTMAX_SHARED (tests/real/README.md).
SHARED = {
    "squeezenet": "models/derived/squeezenet1.1_fp32.onnx",
    "mobilenet_v2": "models/derived/mobilenet_v2_1.0_224_dequant_fp32.onnx",
}

AGREE = 1e-4  # most relative difference of score and gradient's length from PyTorch in double precision

# name: network, layer (None: the class scores), filter, steps in each process, must and stretch (median PyTorch / actmax)
STEPS = {
    "vgg16_block3_conv3": ("vgg16", "block3_conv3", 56, 12, 3.0, 4.0),
    "vgg16_block5_conv3": ("vgg16", "block5_conv3", 0, 8, 3.0, 4.0),
    "vgg16_class": ("vgg16", None, 20, 8, 2.5, 3.5),
    "resnet50": ("resnet50", None, 20, 12, 1.8, 2.5),
    "inception_v3": ("inception_v3", None, 20, 12, 1.6, 2.2),
    "squeezenet": ("squeezenet", None, 20, 40, 2.0, 3.0),
    "mobilenet_v2": ("mobilenet_v2", None, 20, 40, 2.0, 3.0),
    "efficientnet_lite0": ("efficientnet_lite0", None, 20, 40, 2.0, 3.0),
}
FOLDED = (1.3, 2.0)

# Grad-CAM on a warm session: calls in each process, must, stretch
CAMS = {name: (8 if name == "vgg16" else 20, 1.7 if name == "vgg16" else 2.0, 3.0) for name in NETWORKS}

PICTURES = tuple(NETWORKS)
PICTURE = {"whole": (10.0, 20.0), "after_import": (1.5, 3.0)}

KERASVIS = ("vgg16", "block3_conv3", 56, 200, 3.0, 4.0)
KERASVIS_OPTIONS = ["preprocess=raw", "parameters=pixel", "optimizer=rmsprop", "gradient=l2", "lp_norm=10", "total_variation=10",
                    "jitter=0", "scale_jitter=0", "rotate=0", "clip=0", "keep=best", "start_range=22"]

# name of a library on PyPI: what it is imported as
PEERS = {"tf-keras-vis": "tf_keras_vis", "torch-lucent": "lucent", "grad-cam": "pytorch_grad_cam"}

KERNELS = (1.8, 2.2)  # direct-equivalent throughput over the multiply-add peak

# Peak memory as a share of PyTorch's, at most.
MEMORY = {"vgg16_block3_conv3": 0.25, "vgg16_block5_conv3": 0.5, "vgg16_class": 0.8, "resnet50": None, "inception_v3": None,
          "squeezenet": 0.25, "mobilenet_v2": 0.25, "efficientnet_lite0": 0.25}

LOAD = {"network": "vgg16", "layer": "block3_conv3", "filter": 56, "must_ms": 80.0, "stretch_ms": 40.0, "must_mb": 150.0}

# name: network, layer, filters, image side, steps of each picture, must, stretch (16 calls / one call)
EACH = {
    "vgg16_block5_conv3": ("vgg16", "block5_conv3", 16, 128, 10, 1.3, 2.0),
    "vgg16_block3_conv3": ("vgg16", "block3_conv3", 16, 128, 10, 1.0, None),
    "squeezenet": ("squeezenet", None, 16, 224, 10, 1.0, None),
    "mobilenet_v2": ("mobilenet_v2", None, 16, 224, 10, 1.0, None),
}

SIZES = (128, 192, 256, 320, 384, 448, 512)
EVEN_PIXELS, EVEN_STEPS, TWO_THREADS = 0.25, 0.02, 1.8
