#!/bin/sh
# torchvision.sh FOLDER SCRIPT ARGUMENTS...: runs a script with a Python that has torch, torchvision, onnx, onnxscript and numpy:
# $ACTMAX_TV_PYTHON, else of an environment that is made in FOLDER once (some gigabytes; rows that run side by side share it), where
# there is onnxruntime as well.
# Exit code 77: pip reaches no index.
set -eu
folder=$1
shift
python=${ACTMAX_TV_PYTHON:-$folder/bin/python}
has_all() {
    "$python" -c 'import numpy, onnx, onnxscript, torch, torchvision' 2>/dev/null
}

make_environment() {
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$python" -m pip install -q --disable-pip-version-check --retries 1 numpy onnx onnxruntime onnxscript torch torchvision >"$folder/pip.log" 2>&1 || {
        tail -n 3 "$folder/pip.log"
        echo "SKIP: pip cannot get torch, torchvision, onnx and onnxscript; or set ACTMAX_TV_PYTHON"
        exit 77
    }
    has_all || {
        echo "pip has made $folder, but its Python lacks numpy, onnx, onnxscript, torch or torchvision:"
        "$python" -c 'import numpy, onnx, onnxscript, torch, torchvision' || exit 1
    }
}

if [ -n "${ACTMAX_TV_PYTHON:-}" ]; then
    has_all || {
        echo "ACTMAX_TV_PYTHON is set, but $ACTMAX_TV_PYTHON lacks numpy, onnx, onnxscript, torch or torchvision"
        exit 1
    }
else
    # One row makes it, the others wait.
    mkdir -p "$(dirname "$folder")"
    exec 9>"$folder.lock"
    flock 9
    has_all || make_environment
    exec 9>&-
fi
exec "$python" -B "$@"
