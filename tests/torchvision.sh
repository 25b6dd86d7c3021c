#!/bin/sh
# torchvision.sh FOLDER SCRIPT ARGUMENTS...: runs a script with a Python that has torch, torchvision, onnx, onnxscript and numpy:
# $ACTMAX_TV_PYTHON, else of an environment that is made in FOLDER once (some gigabytes). Exit code 77: pip reaches no index.
set -eu
folder=$1
shift
python=${ACTMAX_TV_PYTHON:-$folder/bin/python}
has_all() {
    "$python" -c 'import numpy, onnx, onnxscript, torch, torchvision' 2>/dev/null
}

if ! has_all; then
    if [ -n "${ACTMAX_TV_PYTHON:-}" ]; then
        echo "ACTMAX_TV_PYTHON is set, but $ACTMAX_TV_PYTHON lacks numpy, onnx, onnxscript, torch or torchvision"
        exit 1
    fi
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$python" -m pip install -q --disable-pip-version-check --retries 1 numpy onnx onnxscript torch torchvision >"$folder/pip.log" 2>&1 || {
        tail -n 3 "$folder/pip.log"
        echo "SKIP: pip cannot get torch, torchvision, onnx and onnxscript; or set ACTMAX_TV_PYTHON"
        exit 77
    }
fi
exec "$python" -B "$@"
