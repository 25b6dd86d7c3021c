#!/bin/sh
# Makes onnx.pb.h and onnx.pb.c from onnx.proto and onnx.options, with nanopb (Debian package nanopb). They are committed: a build
# does not need the generator.
set -e
cd "$(dirname "$0")"
nanopb_generator.py --quiet --no-timestamp onnx.proto
for file in onnx.pb.h onnx.pb.c; do
    sed -i '1i /* Made by lib/loaders/onnx/generate.sh (nanopb_generator.py --no-timestamp onnx.proto); do not edit. */' "$file"
done
