"""Writes gallery.md and gallery/*.jpg: the tutorial's figures on SqueezeNet 1.1, MobileNet and HED's trunk.

    python docs/make_gallery.py NETWORKS PHOTOGRAPHS [FIGURE ...] [--look]
    python docs/make_gallery.py --words

NETWORKS: a folder with squeezenet1.1.keras and mobilenet_v1_0.25_224.keras, which tests/full/make_imagenet_keras.py writes, and
hed_trunk.h5, of docs/make_hed_trunk.py. PHOTOGRAPHS: a folder with ouzel1.jpg, howler_monkey.jpg and chelsea.png. FIGURE: those
to make anew (1 to 9; all): the numbers of the others are in gallery/facts.json. What is seen, in words, is gallery/words.json; --words puts
both together alone. --look: maps over the photographs that are not free, here, to be looked at.

SqueezeNet and HED want BGR less their means, MobileNet RGB in -1..1. keras-vis prepares nothing, so pictures of the first two are turned to
RGB here, and photographs prepared.
"""

import json
import pathlib
import sys

import numpy as np

import actmax
from actmax.vis import activations, load_model
from actmax.vis.applications import VGG16
from actmax.vis.input_modifiers import Jitter
from actmax.vis.utils import utils
from actmax.vis.visualization import overlay, visualize_activation, visualize_cam

GALLERY = pathlib.Path(__file__).resolve().parent / "gallery"
WORDS = json.loads((GALLERY / "words.json").read_text(encoding="utf-8"))
JITTER = ", input_modifiers=[Jitter(16)]"
CLASSES = {  # figure: name of the picture, class, iterations (None: keras-vis's 200), jitter
    "1": ("class20", 20, None, False),
    "2": ("class20_iterations", 20, 500, False),
    "3": ("class20_jitter", 20, 500, True),
    "6": ("class379", 379, 300, True),
}
MAPS = {"5": ("ouzel1.jpg", 20), "7": ("howler_monkey.jpg", 379), "8": ("chelsea.png", 281)}
MAP_LAYERS = {"SqueezeNet": (None, "fire5_concat"), "MobileNet": (None, "conv_pw_13_relu", "conv_pw_11_relu")}
MODIFIERS = (None, "guided", "relu")
OWN = {"steps": 500, "total_variation": 0.3}  # figure 9: the library's defaults but for these


class Network:
    """A network with its softmax replaced by linear, its photographs' preparation and its pictures' colours."""

    def __init__(self, name, model):
        self.name, self.last, self.bgr = name, len(model.layers) - 1, name != "MobileNet"
        if name != "HED":  # it has no classes
            model.layers[self.last].activation = activations.linear
        self.model = utils.apply_modifications(model)

    def prepared(self, pixels):
        return pixels[..., ::-1] - np.array([104.0, 117.0, 123.0], np.float32) if self.bgr else pixels / np.float32(127.5) - 1

    def save(self, picture, name):
        actmax.save_image((utils.bgr2rgb(picture) if self.bgr else picture).copy(), GALLERY / f"{name}.jpg")

    def index(self, layer):
        return utils.find_layer_idx(self.model, layer)

    def place(self, x, target):
        """(score, place, best class, its score)"""
        z = self.model.predict(np.asarray(x, np.float32)[None])[0]
        return float(z[target]), int((z > z[target]).sum()) + 1, int(z.argmax()), float(z.max())


FILES = {"SqueezeNet": "squeezenet1.1.keras", "MobileNet": "mobilenet_v1_0.25_224.keras"}


def load(folder, name):
    if name == "HED":
        return Network(name, VGG16(weights=folder / "hed_trunk.h5", include_top=False, input_shape=(224, 224, 3)))
    return Network(name, load_model(folder / FILES[name]))


def options_of(iterations, jitter):
    return ({"max_iter": iterations} if iterations else {}) | ({"input_modifiers": [Jitter(16)]} if jitter else {})


def words_of(iterations, jitter, more=""):
    return (f", max_iter={iterations}" if iterations else "") + (JITTER if jitter else "") + more


# ---- Measuring ----


def measure_class(networks, figure):
    name, target, iterations, jitter = CLASSES[figure]
    facts = {}
    for network in (networks("SqueezeNet"), networks("MobileNet")):
        np.random.seed(0)
        picture = visualize_activation(network.model, network.last, filter_indices=target, **options_of(iterations, jitter))
        if network.name == "SqueezeNet":
            network.save(picture, name)
        np.random.seed(0)
        start = utils.random_array((224, 224, 3), 127.5, 12.75)
        facts[network.name] = [network.place(start, target)[0], *network.place(picture, target)]
    return facts


def measure_own(networks, folder):
    """MobileNet's classes 20 and 379 by the library's own defaults."""
    model, judge, facts, pictures = actmax.Model(folder / FILES["MobileNet"], preprocess="tf"), networks("MobileNet"), {}, []
    for target in (20, 379):
        pictures.append(np.asarray(model.maximize("conv_preds", target, **OWN).image))
        facts[str(target)] = judge.place(judge.prepared(pictures[-1]), target)
    actmax.save_image(np.hstack(pictures), GALLERY / "mobilenet.jpg")
    return facts


def measure_filter(networks, figure):
    facts = {}
    for name, layer, key, more in (
        ("SqueezeNet", "fire4_concat", "filter", {}),
        ("HED", "block3_conv3", "filter_hed", {}),
        ("HED", "block3_conv3", "filter_hed_tv1", {"tv_weight": 1}),
    ):
        network = networks(name)
        at = network.index(layer)
        np.random.seed(0)
        picture = visualize_activation(network.model, at, filter_indices=56, **options_of(500, True), **more)
        network.save(picture, key)
        np.random.seed(0)
        start = utils.random_array((224, 224, 3), 127.5, 12.75)
        facts[key] = [network.model.gradient(network.model.layers[at], [56], np.asarray(x, np.float32))[0] for x in (start, picture)]
    return facts


def measure_maps(networks, photographs, figure):
    photo, target = MAPS[figure]
    facts, sheet = {}, []
    for name, layers in MAP_LAYERS.items():
        network = networks(name)
        pixels = utils.load_img(photographs / photo, target_size=(224, 224))
        image = network.prepared(pixels)
        score, place, _, _ = network.place(image, target)
        facts[name] = {"score": score, "place": place, "maps": {}}
        for layer in layers:
            options = {} if layer is None else {"penultimate_layer_idx": network.index(layer)}
            if layer is None and name == "MobileNet":
                options["penultimate_layer_idx"] = network.index("conv_preds")  # what the rule finds, without the warning
            maps = [visualize_cam(network.model, network.last, target, image, backprop_modifier=m, **options) for m in MODIFIERS]
            plain = maps[0]
            flat = float(np.ptp(plain)) == 0
            y, x = np.unravel_index(plain.argmax(), plain.shape)
            like = [0.0, 0.0] if flat else [float(np.corrcoef(plain.ravel(), one.ravel())[0, 1]) for one in maps[1:]]
            facts[name]["maps"][layer or "default"] = {"flat": flat, "like": like, "peak": [y / 223, x / 223], "mean": float(plain.mean())}
            if not flat:
                sheet.append([overlay(actmax.jet(one), pixels) for one in maps])
    pictures = [picture for row in sheet for picture in row]
    if figure == "8":  # the photograph is free
        actmax.save_image(utils.stitch_images(pictures, cols=3), GALLERY / "chelsea.jpg")
    elif "--look" in sys.argv:
        actmax.save_image(utils.stitch_images(pictures, cols=3), f"{photo}.maps.png")
    return facts


# ---- Writing ----


def said_of_class(facts):
    lines = ["| network | score of the start | of the saved picture | place of 1000 | best class |", "| --- | --- | --- | --- | --- |"]
    for name in ("SqueezeNet", "MobileNet"):
        start, score, place, best, most = facts[name]
        lines.append(f"| {name} | {start:.1f} | {score:.1f} | {place} | {best} ({most:.1f}) |")
    return lines


def said_of_maps(facts):
    lines = ["| network, layer | like guided | like relu | largest at row, column | mean |", "| --- | --- | --- | --- | --- |"]
    rule = {"SqueezeNet": "conv10 (by keras-vis's rule)", "MobileNet": "conv_preds (by keras-vis's rule)"}
    for name, layers in MAP_LAYERS.items():
        for layer in (layer or "default" for layer in layers):
            one = facts[name]["maps"][layer]
            shown = rule[name] if layer == "default" else layer
            if one["flat"]:
                lines.append(f"| {name}, {shown} | flat | flat |  | 0 |")
                continue
            y, x = one["peak"]
            lines.append(f"| {name}, {shown} | {one['like'][0]:.3f} | {one['like'][1]:.3f} | {y:.2f}, {x:.2f} | {one['mean']:.3f} |")
    scores = "; ".join(f"{name} {facts[name]['score']:.1f}, place {facts[name]['place']}" for name in MAP_LAYERS)
    return [*lines, "", f"Score of the class: {scores}."]


def section(figure, facts):
    words = WORDS[figure]
    lines = [f"## {figure}. {words['title']}", ""]
    if figure in CLASSES:
        name, target, iterations, jitter = CLASSES[figure]
        lines += [f"    visualize_activation(model, layer_idx, filter_indices={target}{words_of(iterations, jitter)})", ""]
        lines += [f"![{words['title']}: SqueezeNet](gallery/{name}.jpg)", "", *said_of_class(facts)]
    elif figure == "4":
        call = 'visualize_activation(model, utils.find_layer_idx(model, "{}"), filter_indices=56{})'
        for key, layer, more in (("filter", "fire4_concat", ""), ("filter_hed", "block3_conv3", ""), ("filter_hed_tv1", "block3_conv3", ", tv_weight=1")):
            lines += [f"    {call.format(layer, words_of(500, True, more))}", "", f"![{words[key]}](gallery/{key}.jpg)", ""]
            lines += [f"{words[key]} Mean of the filter: {facts[key][0]:.1f} at the start, {facts[key][1]:.1f} for the saved picture.", ""]
        lines.pop()
    elif figure == "9":
        options = ", ".join(f"{name}={value}" for name, value in OWN.items())
        lines += [f'    actmax.Model("mobilenet.keras", preprocess="tf").maximize("conv_preds", 20, {options})', ""]
        lines += ["![Classes 20 and 379 of MobileNet](gallery/mobilenet.jpg)", "", "| class | score of the saved picture | place of 1000 |", "| --- | --- | --- |"]
        lines += [f"| {target} | {one[0]:.1f} | {one[1]} |" for target, one in facts.items()]
    else:
        photo, target = MAPS[figure]
        lines += [f"    visualize_cam(model, layer_idx, {target}, image, penultimate_layer_idx=at, backprop_modifier=modifier)", ""]
        lines += ["![Maps over Chelsea](gallery/chelsea.jpg)", ""] if figure == "8" else []
        lines += said_of_maps(facts)
    return [*lines, "", *words["seen"], ""]


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    loaded = {}

    def networks(name):
        if name not in loaded:
            loaded[name] = load(pathlib.Path(words[0]), name)
        return loaded[name]

    path = GALLERY / "facts.json"
    facts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for figure in [] if "--words" in sys.argv else words[2:] or "123456789":
        if figure in CLASSES:
            facts[figure] = measure_class(networks, figure)
        elif figure in MAPS:
            facts[figure] = measure_maps(networks, pathlib.Path(words[1]), figure)
        elif figure == "9":
            facts[figure] = measure_own(networks, pathlib.Path(words[0]))
        else:
            facts[figure] = measure_filter(networks, figure)
    rounded = json.loads(json.dumps(facts), parse_float=lambda text: round(float(text), 4))
    path.write_text(json.dumps(rounded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    lines = [*WORDS["head"], ""]
    for figure in sorted(rounded):
        lines += section(figure, rounded[figure])
    (GALLERY.parent / "gallery.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


main()
