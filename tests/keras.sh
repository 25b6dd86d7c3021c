#!/bin/sh
# keras.sh networks|alone|tensorflow SCRIPT LIBACTMAX.so WORDS...: runs a comparison with Keras 3 on PyTorch, or with TensorFlow's Keras 2,
# or says what it lacks. "networks": on the real networks, whose folder the script gets as its last word.
what=$1
shift
if [ "$what" = networks ] && [ -z "${ACTMAX_SHARED:-}" ]; then
    echo "SKIP: no networks and photographs; set ACTMAX_SHARED (tests/real/README.md)"
    exit 77
fi
if [ "$what" = tensorflow ]; then
    if [ -z "${ACTMAX_TF_PYTHON:-}" ]; then
        echo "SKIP: ACTMAX_TF_PYTHON names no Python with tensorflow and tf-keras"
        exit 77
    fi
    exec "$ACTMAX_TF_PYTHON" -B "$@"
fi
if [ -z "${ACTMAX_KERAS_PYTHON:-}" ]; then
    echo "SKIP: ACTMAX_KERAS_PYTHON names no Python with keras 3, torch, h5py, onnx and pillow"
    exit 77
fi
KERAS_BACKEND=torch
export KERAS_BACKEND
[ "$what" = networks ] && set -- "$@" "$ACTMAX_SHARED"
exec "$ACTMAX_KERAS_PYTHON" -B "$@"
