"""Writes keras/vgg16.sparse: VGG16's whole file of weights with its numbers left out, for tests/cli/test_keras_summary.py; and
keras/vgg16.txt: what genuine Keras says of that network.

usage: KERAS_BACKEND=torch make_keras_vgg16.py [FOLDER]      (default: keras/ beside this script; needs h5py, keras, torch)

The file is h5py's, laid out as the published vgg16_weights_tf_dim_ordering_tf_kernels.h5: groups by layer, datasets called as Keras 1
called them. The datasets are holes of zeros: what is kept is the file's size, then each piece that is not, as (offset, length,
bytes), all little-endian int64, deflated. vgg16.txt: a line "NAME|CLASS|SHAPE|PARAMETERS" for each layer, as Keras's
model.summary() has them, then its three totals.
"""
import os
import pathlib
import struct
import sys
import tempfile
import zlib

os.environ.setdefault("KERAS_BACKEND", "torch")
import h5py
import keras
import numpy as np

PAGE = 4096


def write(path, model):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([layer.name.encode() for layer in model.layers])
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0" for kind, _ in zip("Wb", layer.weights)]
            group.attrs["weight_names"] = np.array([name.encode() for name in names]) if names else np.zeros(0)
            for name, weight in zip(names, layer.weights):
                plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
                h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(tuple(weight.shape)), plist)


def pieces(path):
    """Runs of pages that are not zero."""
    found = []
    with open(path, "rb") as file:
        at = 0
        while page := file.read(PAGE):
            if page.strip(b"\0"):
                if found and found[-1][0] + len(found[-1][1]) == at:
                    found[-1] = (found[-1][0], found[-1][1] + page)
                else:
                    found.append((at, page))
            at += len(page)
    return at, found


def main():
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "keras"
    with keras.device("meta"):  # Keras's summary needs no numbers
        model = keras.applications.VGG16(weights=None, input_tensor=keras.Input((224, 224, 3), name="input_1"))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "vgg16.h5"
        write(path, model)
        size, found = pieces(path)
    data = struct.pack("<q", size) + b"".join(struct.pack("<qq", at, len(piece)) + piece for at, piece in found)
    (target / "vgg16.sparse").write_bytes(zlib.compress(data, 9))
    lines = []
    for layer in model.layers:
        shape = layer.output.shape
        lines.append(f"{layer.name}|{type(layer).__name__}|{tuple(shape)}|{layer.count_params()}")
    trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    lines += [f"Total params: {model.count_params():,}", f"Trainable params: {trained:,}", f"Non-trainable params: {model.count_params() - trained:,}"]
    (target / "vgg16.txt").write_text("\n".join(lines) + "\n")
    print(size, len(found), "pieces")


main()
