#!/bin/sh
# torch.sh SCRIPT LIBACTMAX.so: runs a comparison with PyTorch on the real networks, or says what it lacks.
if [ -z "${ACTMAX_SHARED:-}" ]; then
    echo "SKIP: no networks and photographs; set ACTMAX_SHARED (tests/real/README.md)"
    exit 77
fi
if [ -z "${ACTMAX_TORCH_PYTHON:-}" ]; then
    echo "SKIP: ACTMAX_TORCH_PYTHON names no Python with torch, numpy and onnx"
    exit 77
fi
exec "$ACTMAX_TORCH_PYTHON" -B "$1" "$2" "$ACTMAX_SHARED"
