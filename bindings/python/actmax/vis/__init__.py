"""keras-vis 0.5.0's interface on the networks that actmax loads.

    from actmax.vis import activations
    from actmax.vis.applications import VGG16
    from actmax.vis.utils import utils
    from actmax.vis.visualization import visualize_activation

    model = VGG16(weights="imagenet", include_top=True)     # from Keras's cache; other files: load_model(path)
    layer_idx = utils.find_layer_idx(model, "predictions")
    model.layers[layer_idx].activation = activations.linear
    model = utils.apply_modifications(model)
    picture = visualize_activation(model, layer_idx, filter_indices=20)

Names, arguments, defaults, types and ranges are keras-vis's: only the imports change. As there, no pixel is preprocessed: what is given
reaches the network. All arrays have their channels last. NumPy is all that is needed; Pillow draws text.
"""

from ._keras import KerasLayer, KerasModel, load_model

__all__ = ["KerasLayer", "KerasModel", "load_model"]
