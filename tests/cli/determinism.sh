#!/bin/sh
# Same file, options and seed: the same bytes at 1 and 2 threads, whatever OpenBLAS is told, and on every run.
#
#     sh tests/cli/determinism.sh ACTMAX EXAMPLES SHARED SCRATCH
#
# On the small network of examples/, and on real ones where SHARED holds them (tests/real/README.md).
set -eu

actmax=$1
examples=$2
shared=${ACTMAX_SHARED:-$3}
scratch=$4
rm -rf "$scratch"
mkdir -p "$scratch"
failed=0

# check NAME WORDS...: the words make $scratch/out.png
check() {
    name=$1
    shift
    sums=
    for threads in 1 2; do
        for blas in 1 2; do
            rm -f "$scratch/out.png"
            OPENBLAS_NUM_THREADS=$blas "$actmax" "$@" --threads "$threads" --out "$scratch/out.png" >/dev/null 2>"$scratch/errors" || {
                cat "$scratch/errors" >&2
                exit 1
            }
            sums="$sums $(cksum <"$scratch/out.png" | tr -d ' ')"
        done
    done
    # shellcheck disable=SC2086  # one word, one sum
    if [ "$(printf '%s\n' $sums | sort -u | wc -l)" -ne 1 ]; then
        echo "FAIL: $name: bytes differ between 1 and 2 threads, or 1 and 2 of OpenBLAS:$sums" >&2
        failed=1
    else
        echo "$name: four runs, the same bytes"
    fi
}

check "small network, class" maximize "$examples/fashion_mnist.onnx" --preprocess unit --class 9 --steps 30
check "small network, filter, three sizes" maximize "$examples/fashion_mnist.onnx" --preprocess unit --layer conv2 --filter 2 --steps 10 \
    --scales 3 --size 48
check "small network, Grad-CAM" cam "$examples/fashion_mnist.onnx" "$examples/fashion_boot.png" --preprocess unit

models=$shared/models/derived
if [ -f "$models/squeezenet1.1_fp32.onnx" ]; then
    check "SqueezeNet 1.1, class" maximize "$models/squeezenet1.1_fp32.onnx" --channels bgr --mean 104,117,123 --class 20 --steps 8
    check "MobileNet v2, class" maximize "$models/mobilenet_v2_1.0_224_dequant_fp32.onnx" --preprocess tf --class 20 --steps 8
    check "CIFAR-10, class (dense layer)" maximize "$models/cifar10_m7_fp32.onnx" --scale 1 --mean 125.3,123.0,113.9 --class 3 --steps 20
    check "MobileNet v1, saliency" saliency "$models/mobilenet_v1_0.25_224_fp32.onnx" "$shared/images/both.png" --preprocess tf
else
    echo "no real networks at $shared: those were left out (tests/real/README.md)"
fi
exit "$failed"
