"""The keras-vis tutorial on VGG16, step by step: only the imports and the model's path are changed.

    python examples/tutorial.py MODEL [PHOTO] [FOLDER] [--layer=NAME] [--filter=N] [--iterations=N] [--map=NAME] [--seed=N]

MODEL: imagenet, for VGG16 as Keras leaves it in ~/.keras/models; or the file of another classifier that Keras wrote. PHOTO: seen by the
heat maps. FOLDER: of the pictures. --layer, --filter: what stands for block3_conv3, 56. --iterations: instead of the tutorial's 500 and
300. --map: the layer of the heat maps, where keras-vis's rule takes one without height and width (MobileNet: conv_pw_13_relu).

Two slips of the tutorial are mended: its subplot index began at 0, where matplotlib's begin at 1; and its loop over the modifiers did not
hand the loop's own modifier to visualize_cam. Pictures are saved instead of shown, so that matplotlib is not needed.
"""

import pathlib
import sys

import numpy as np

import actmax
from actmax.vis import activations, load_model
from actmax.vis.applications import VGG16
from actmax.vis.input_modifiers import Jitter
from actmax.vis.utils import utils
from actmax.vis.visualization import overlay, visualize_activation, visualize_cam


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    options = dict(word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--"))
    if not words or set(options) - {"layer", "filter", "iterations", "map", "seed"}:
        raise SystemExit(__doc__)
    folder = pathlib.Path(words[2] if len(words) > 2 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    photo = words[1] if len(words) > 1 else pathlib.Path(__file__).parent / "chelsea.jpg"
    many, fewer = int(options.get("iterations", 500)), int(options.get("iterations", 300))

    if "seed" in options:
        np.random.seed(int(options["seed"]))

    # The model
    model = VGG16(weights="imagenet", include_top=True) if words[0] == "imagenet" else load_model(words[0])
    model.summary()

    # The layers of what follows: a name that is not there is told now, not after minutes
    middle_idx = utils.find_layer_idx(model, options.get("layer", "block3_conv3"))
    where = {"penultimate_layer_idx": utils.find_layer_idx(model, options["map"])} if "map" in options else {}

    # A class of the last layer, its softmax replaced by linear
    layer_idx = len(model.layers) - 1  # VGG16: utils.find_layer_idx(model, "predictions")
    model.layers[layer_idx].activation = activations.linear
    model = utils.apply_modifications(model)

    filter_idx = 20  # ouzel
    img = visualize_activation(model, layer_idx, filter_indices=filter_idx, **({"max_iter": many} if "iterations" in options else {}))
    actmax.save_image(img, folder / "class20.png")
    img = visualize_activation(model, layer_idx, filter_indices=filter_idx, max_iter=many)
    actmax.save_image(img, folder / "class20_iterations.png")
    img = visualize_activation(model, layer_idx, filter_indices=filter_idx, max_iter=many, input_modifiers=[Jitter(16)])
    actmax.save_image(img, folder / "class20_jitter.png")

    # A filter of a middle layer
    filter_idx = int(options.get("filter", 56))
    img = visualize_activation(model, middle_idx, filter_indices=filter_idx, max_iter=many, input_modifiers=[Jitter(16)])
    actmax.save_image(img, folder / "filter.png")

    # Another class: howler monkey
    img = visualize_activation(model, layer_idx, filter_indices=379, max_iter=fewer, input_modifiers=[Jitter(16)])
    actmax.save_image(img, folder / "class379.png")

    # Heat maps of a class on a photograph, under three backprop modifiers
    img = utils.load_img(photo, target_size=model.input_shape[1:3])
    pictures = []
    for i, modifier in enumerate([None, "guided", "relu"]):
        grads = visualize_cam(model, layer_idx, filter_indices=20, seed_input=img, backprop_modifier=modifier, **where)  # its own modifier
        print(f"subplot {i + 1}: {modifier or 'vanilla'}, mean {np.mean(grads):.4f}")  # from 1 on
        jet_heatmap = actmax.jet(grads)
        pictures.append(overlay(jet_heatmap, img))
    actmax.save_image(utils.stitch_images(pictures), folder / "heat_maps.png")


if __name__ == "__main__":
    main()
