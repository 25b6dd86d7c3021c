"""Writes gallery.md and gallery/*.jpg: the tutorial's figures on SqueezeNet 1.1.

    python docs/make_gallery.py MODEL PHOTOGRAPHS

MODEL: squeezenet1.1.keras, which tests/full/make_imagenet_keras.py writes. PHOTOGRAPHS: a folder with ouzel1.jpg, howler_monkey.jpg and
chelsea.png. The network wants BGR less its mean; keras-vis prepares nothing, so pictures are turned to RGB here, and photographs prepared.
"""

import json
import pathlib
import re
import sys

import numpy as np

import actmax
from actmax.vis import activations, load_model
from actmax.vis.input_modifiers import Jitter
from actmax.vis.utils import utils
from actmax.vis.visualization import overlay, visualize_activation, visualize_cam

HERE = pathlib.Path(__file__).resolve().parent
MEAN = np.array([104.0, 117.0, 123.0], np.float32)
CALL = "visualize_activation(model, {}, filter_indices={}{})"
JITTER = ", input_modifiers=[Jitter(16)]"
FIGURES = [  # name, layer (None: the last), filter, iterations, jitter, key of the words
    ("class20", None, 20, None, False, "class20"),
    ("class20_iterations", None, 20, 500, False, "class20_iterations"),
    ("class20_jitter", None, 20, 500, True, "class20_jitter"),
    ("filter", "fire4_concat", 56, 500, True, "filter"),
    ("class379", None, 379, 300, True, "class379"),
]
WORDS = json.loads((HERE / "gallery" / "words.json").read_text(encoding="utf-8"))


def main():
    folder = HERE / "gallery"
    model = load_model(sys.argv[1])
    last = len(model.layers) - 1
    model.layers[last].activation = activations.linear
    scores = utils.apply_modifications(model)
    lines = [WORDS["head"], ""]
    for number, (name, layer, filter, iterations, jitter, words) in zip((1, 2, 3, 4, 6), FIGURES, strict=True):
        np.random.seed(0)
        index = last if layer is None else utils.find_layer_idx(model, layer)
        options = ({"max_iter": iterations} if iterations else {}) | ({"input_modifiers": [Jitter(16)]} if jitter else {})
        picture = visualize_activation(scores, index, filter_indices=filter, **options)
        actmax.save_image(utils.bgr2rgb(picture).copy(), folder / f"{name}.jpg")
        more = (f", max_iter={iterations}" if iterations else "") + (JITTER if jitter else "")
        shown = "layer_idx" if layer is None else f'utils.find_layer_idx(model, "{layer}")'
        said = []
        if layer is None:
            z = scores.predict(picture[None])[0]
            place = int((z > z[filter]).sum()) + 1
            said.append(f"Score of class {filter} for the saved picture: {z[filter]:.1f}, place {place} of 1000; the best is class {z.argmax()}.")
        else:
            value = scores.gradient(model.layers[index], [filter], picture.astype(np.float32))[0]
            said.append(f"Mean of the filter for the saved picture: {value:.1f}.")
        lines += [f"## {number}. {WORDS['titles'][name]}", "", f"    {CALL.format(shown, filter, more)}", "", f"![{WORDS['titles'][name]}](gallery/{name}.jpg)", ""]
        lines += [*said, "", WORDS["tutorial"][words] + WORDS["here"][words], ""]
    for number, photo, target in ((5, "ouzel1.jpg", 20), (7, "howler_monkey.jpg", 379)):
        lines += heat_maps(model, scores, pathlib.Path(sys.argv[2]), number, photo, target)
    shown = heat(scores, pathlib.Path(sys.argv[2]) / "chelsea.png", 281, "fire5_concat")
    actmax.save_image(utils.stitch_images(shown[1]), folder / "chelsea.jpg")
    lines += [WORDS["chelsea"], "", "![Chelsea](gallery/chelsea.jpg)", ""]
    head, *sections = re.split(r"(?m)^(?=## )", "\n".join(lines))
    sections.sort(key=lambda section: section[:4] if section[3].isdigit() else "## 9")
    (HERE / "gallery.md").write_text(head + "".join(sections), encoding="utf-8")


def heat(model, path, target, layer):
    """The three maps at a layer (None: keras-vis's rule), the three overlays, the score and its place."""
    pixels = utils.load_img(path, target_size=model.input_shape[1:3])
    image = pixels[..., ::-1] - MEAN
    index = None if layer is None else utils.find_layer_idx(model, layer)
    maps = [
        visualize_cam(model, len(model.layers) - 1, target, image, penultimate_layer_idx=index, backprop_modifier=modifier)
        for modifier in (None, "guided", "relu")
    ]
    z = model.predict(image[None])[0]
    pictures = [overlay(actmax.jet(one), pixels) for one in maps]
    return maps, pictures, z[target], int((z > z[target]).sum()) + 1


def heat_maps(model, scores, photographs, number, photo, target):
    lines = [f"## {number}. {WORDS['titles'][photo]}", "", f"    visualize_cam(model, layer_idx, {target}, image, backprop_modifier=modifier)", ""]
    for layer in (None, "fire5_concat"):
        maps, _, score, place = heat(scores, photographs / photo, target, layer)
        guided, relu = (np.corrcoef(maps[0].ravel(), one.ravel())[0, 1] for one in maps[1:])
        y, x = np.unravel_index(maps[0].argmax(), maps[0].shape)
        lines.append(
            f"- {layer or 'Last layer'}: correlation of the plain map with guided {guided:.3f}, with relu {relu:.3f}; the plain map is "
            f"largest at row {y / (len(maps[0]) - 1):.2f}, column {x / (len(maps[0]) - 1):.2f} of the picture, and its mean is {maps[0].mean():.3f}."
        )
    return [*lines, "", f"Score of class {target}: {score:.1f}, place {place} of 1000.", "", WORDS["here"][photo], ""]


main()
