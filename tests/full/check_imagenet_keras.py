"""ImageNet networks that genuine Keras wrote as .h5 and .keras, against Keras and against the known classes of photographs.

    KERAS_BACKEND=torch python check_imagenet_keras.py LIBACTMAX.so SHARED      (make_imagenet_keras.py makes the files)

For each photograph of reference_top5.json: the scores and one layer within 1e-4 of Keras's (relative), the five best classes in the
reference's order wherever its probabilities differ by more than 0.002, and each within 0.002.
"""
import json
import logging
import pathlib
import sys
import tempfile
import warnings

import numpy as np
from PIL import Image

logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")
from make_imagenet_keras import keras, write
from library import Library, error

TOLERANCE = 0.002
SHARED = pathlib.Path(sys.argv[2])
NETWORKS = {  # reference, layer to look at, range
    "squeezenet1.1": ("squeezenet1.1/SqueezeNet_fp16.onnx", "fire5_concat", "bgr"),
    "mobilenet_v1_0.25_224": ("derived/mobilenet_v1_0.25_224_fp32.onnx", "conv_pw_6_relu", "tf"),
}


def photograph(name, kind):
    """As the reference says that it took them."""
    picture = Image.open(SHARED / "images" / name).convert("RGB")
    if picture.size != (224, 224):
        scale = 256 / min(picture.size)
        width, height = (round(side * scale) for side in picture.size)
        picture = picture.resize((width, height), Image.BILINEAR)
        left, top = (width - 224) // 2, (height - 224) // 2
        picture = picture.crop((left, top, left + 224, top + 224))
    pixels = np.asarray(picture, np.float32)
    return pixels[..., ::-1] - np.array([104, 117, 123], np.float32) if kind == "bgr" else pixels / np.float32(127.5) - 1


def classes_agree(scores, reference):
    close = all(abs(float(scores[index]) - value) < TOLERANCE for index, _, value in reference)
    order = np.argsort(-scores)[:5]
    values = [value for _, _, value in reference]
    for place, (index, _, value) in enumerate(reference):
        alone = all(abs(value - other) > TOLERANCE for at, other in enumerate(values) if at != place)
        close = close and (not alone or order[place] == index or value < TOLERANCE)
    return close


def main():
    library, good = Library(sys.argv[1]), True
    reference = json.loads((SHARED / "models" / "reference_top5.json").read_text())["models"]
    with tempfile.TemporaryDirectory() as folder:
        for name, (model, paths) in write(SHARED, folder).items():
            key, layer, kind = NETWORKS[name]
            both = keras.Model(model.inputs, [model.output, model.get_layer(layer).output])
            for ending, path in paths.items():
                worst = [0.0, 0.0]
                with library.open(path) as network:
                    for picture, top5 in reference[key].items():
                        x = photograph(picture, kind)
                        theirs = [keras.ops.convert_to_numpy(y)[0] for y in both(x[None], training=False)]
                        scores = network.activations(x)[0]
                        worst[0] = max(worst[0], error(scores, theirs[0]))
                        worst[1] = max(worst[1], error(network.activations(x, layer)[0], theirs[1]))
                        if not classes_agree(scores, top5):
                            print(f"{name}.{ending} {picture}: {np.argsort(-scores)[:5]} instead of {top5}")
                            good = False
                print(f"{name}.{ending}: {len(reference[key])} photographs, scores {worst[0]:.1e}, {layer} {worst[1]:.1e}")
                good = good and max(worst) < 1e-4
    if not good:
        raise SystemExit("FAIL")


main()
