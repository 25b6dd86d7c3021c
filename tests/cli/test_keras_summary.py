#!/usr/bin/env python3
"""`actmax info` on VGG16's file of weights says what Keras's model.summary() says. Standard library only.

    python3 tests/cli/test_keras_summary.py ACTMAX KERAS

KERAS holds vgg16.sparse and vgg16.txt of tests/golden/make_keras_vgg16.py. The file of 528 MiB that is made of them has holes for its
numbers, so it takes 0.1 MB of disk.
"""

import os
import struct
import subprocess
import sys
import tempfile
import zlib


def restore(packed, path):
    with open(packed, "rb") as file:
        data = zlib.decompress(file.read())
    (size,), at = struct.unpack_from("<q", data), 8
    with open(path, "wb") as file:
        file.truncate(size)
        while at < len(data):
            offset, length = struct.unpack_from("<qq", data, at)
            file.seek(offset)
            file.write(data[at + 16 : at + 16 + length])
            at += 16 + length


def expected(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    layers = [line.split("|") for line in lines if "|" in line]
    shown = [[name, kind, shape.replace("None", "1").strip("()"), count] for name, kind, shape, count in layers]
    return shown, [line for line in lines if "|" not in line]


def main():
    program, folder = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "vgg16_weights_tf_dim_ordering_tf_kernels.h5")
        restore(os.path.join(folder, "vgg16.sparse"), path)
        run = subprocess.run([program, "info", path, "--preprocess", "caffe"], stdout=subprocess.PIPE, universal_newlines=True, check=True)
    own = []
    for line in run.stdout.splitlines():
        if "[" in line:
            front, rest = line.split("[", 1)
            shape, rest = rest.split("]", 1)
            own.append([*front.split(), shape, rest.split()[0]])
    layers, totals = expected(os.path.join(folder, "vgg16.txt"))
    assert len(layers) == 23 and "Total params: 138,357,544" in totals
    assert own == layers, f"{own} instead of {layers}"
    for line in totals:
        assert f"\n{line}\n" in run.stdout, line
    print(f"{len(layers)} layers; {totals[0]}")


main()
