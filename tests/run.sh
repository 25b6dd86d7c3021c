#!/bin/sh
# Everything that is tested, from a bare Debian 12 or 13:
#
#     sh tests/run.sh            under 15 minutes on two cores
#     sh tests/run.sh --full     also what is long or heavy
#
# Installs what is missing (apt, without questions), builds twice (release, and with the address and undefined-behaviour sanitizers),
# runs all rows of tests/CMakeLists.txt through ctest and prints the time of each. Fails when a row fails, when the compiler warns, or
# when the rows that were skipped are not exactly those of tests/skips-default.txt (tests/skips-full.txt).
#
# Real networks and photographs are looked for in $ACTMAX_SHARED, else in ../shared beside the repository; without them the rows that
# need them are skipped (tests/real/README.md). --full compares with PyTorch where $ACTMAX_TORCH_PYTHON names a Python that has torch,
# numpy and onnx, with Keras where $ACTMAX_KERAS_PYTHON names one that has keras 3, torch, h5py, onnx and pillow, with Keras 2 where
# $ACTMAX_TF_PYTHON names one that has tensorflow and tf-keras, and with torchvision's networks by the Python that $ACTMAX_TV_PYTHON
# names (torch, torchvision, onnx, onnxscript, numpy) or one made under build/ (some gigabytes).
#
# Exit codes: 0 all passed; 1 something failed; 2 packages must be installed first, the line to do it is printed.
set -u

cd "$(dirname "$0")/.." || exit 1
root=$(pwd)
began=$(date +%s)
mode=default
for word in "$@"; do
    case $word in
    --full) mode=full ;;
    -h | --help)
        sed -n '2,/^set -u/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "run.sh: unknown word '$word'; sh tests/run.sh [--full]" >&2
        exit 1
        ;;
    esac
done
# Settings of the caller's shell that would change what is built or run.
unset DESTDIR CFLAGS CPPFLAGS CXXFLAGS LDFLAGS CMAKE_GENERATOR CMAKE_BUILD_TYPE CMAKE_PREFIX_PATH CTEST_OUTPUT_ON_FAILURE MAKEFLAGS
LC_ALL=C.UTF-8
export LC_ALL

seconds() {
    echo $(($(date +%s) - began))
}

step() {
    printf '==> [%3s s] %s\n' "$(seconds)" "$1"
}

fail() {
    echo "run.sh: $1" >&2
    exit 1
}

# ---- 1. packages ----

# A tool and the package that brings it; libraries and data are asked of dpkg.
tools="gcc:gcc g++:g++ clang:clang clang++:clang clang-format-19:clang-format-19 cmake:cmake make:make pkg-config:pkg-config nm:binutils
python3:python3 protoc:protobuf-compiler nanopb_generator.py:nanopb setarch:util-linux tar:tar valgrind:valgrind"
libraries="libc6-dev libopenblas-dev zlib1g-dev libcjson-dev libgif-dev libstb-dev libcmocka-dev libnanopb-dev libonnx-testdata dataset-fashion-mnist python3-venv locales"
if [ "$mode" = full ]; then
    tools="$tools aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64:qemu-user"
    libraries="$libraries libc6-dev-arm64-cross"
fi

missing_packages() {
    list=
    for pair in $tools; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || list="$list ${pair#*:}"
    done
    for package in $libraries; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || list="$list $package"
    done
    # shellcheck disable=SC2086  # one word, one package
    printf '%s\n' $list | sort -u | tr '\n' ' '
}

install_packages() {
    line="apt-get install -y --no-install-recommends $1"
    command -v apt-get >/dev/null 2>&1 || {
        echo "run.sh: this is no Debian; install what these packages hold, then run it again: $1" >&2
        exit 2
    }
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        echo "run.sh: packages are missing, and there is no root or sudo here. Run this line, then start again:" >&2
        echo "sudo $line"
        exit 2
    fi
    mkdir -p build
    # A bare machine has no package lists; an old one has outdated ones. Without a network the cache may still serve.
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >build/apt.log 2>&1 || true
    # shellcheck disable=SC2086  # the words of the line are meant to be split
    $as_root env DEBIAN_FRONTEND=noninteractive $line >>build/apt.log 2>&1 </dev/null || {
        tail -n 10 build/apt.log >&2
        echo "run.sh: apt could not install the packages; run this line by hand, then start again:" >&2
        echo "sudo $line"
        exit 2
    }
}

step "packages"
missing=$(missing_packages)
if [ -n "${missing# }" ]; then
    echo "    missing: $missing"
    install_packages "$missing"
    missing=$(missing_packages)
    [ -z "${missing# }" ] || fail "still missing after apt: $missing"
fi

# ---- 2. real networks ----

if [ -z "${ACTMAX_SHARED:-}" ] && [ -d ../shared/models ]; then
    ACTMAX_SHARED=$(cd ../shared && pwd)
fi
if [ -n "${ACTMAX_SHARED:-}" ] && [ -d "$ACTMAX_SHARED/models" ]; then
    export ACTMAX_SHARED
    models=with-models
    step "real networks: $ACTMAX_SHARED"
else
    [ -z "${ACTMAX_SHARED:-}" ] || fail "ACTMAX_SHARED is set, but there is no folder $ACTMAX_SHARED/models"
    unset ACTMAX_SHARED
    models=without-models
    step "real networks: none in \$ACTMAX_SHARED or ../shared; the rows that need them are skipped"
fi

# A locale that writes 0,5: the library must not mind. Debian machines have none until one is made.
if [ ! -d build/locale/de_DE.UTF-8 ]; then
    mkdir -p build/locale
    localedef -i de_DE -f UTF-8 build/locale/de_DE.UTF-8 >build/locale.log 2>&1
fi
LOCPATH=$root/build/locale
export LOCPATH

facts=$models
if [ -z "${ACTMAX_TORCH_PYTHON:-}" ]; then
    facts=$facts,without-torch
elif ! "$ACTMAX_TORCH_PYTHON" -c 'import torch, numpy, onnx' 2>/dev/null; then
    fail "ACTMAX_TORCH_PYTHON is set, but $ACTMAX_TORCH_PYTHON has no torch, numpy or onnx"
fi
if [ "$mode" = full ] && ! sh tests/full/neon.sh probe build/arm64; then
    facts=$facts,without-arm64
fi
if [ -z "${ACTMAX_KERAS_PYTHON:-}" ]; then
    facts=$facts,without-keras
elif ! KERAS_BACKEND=torch "$ACTMAX_KERAS_PYTHON" -c 'import keras, torch, h5py, onnx, PIL' 2>/dev/null; then
    fail "ACTMAX_KERAS_PYTHON is set, but $ACTMAX_KERAS_PYTHON has no keras, torch, h5py, onnx or pillow"
fi
if [ -z "${ACTMAX_TF_PYTHON:-}" ]; then
    facts=$facts,without-tensorflow
elif ! TF_CPP_MIN_LOG_LEVEL=3 "$ACTMAX_TF_PYTHON" -c 'import tensorflow, tf_keras' 2>/dev/null; then
    fail "ACTMAX_TF_PYTHON is set, but $ACTMAX_TF_PYTHON has no tensorflow or tf-keras"
fi
if ! sh tests/python/run.sh probe build/python; then
    echo "    pip reaches no index: the rows of the Python package are skipped"
    facts=$facts,without-pypi
    [ -n "${ACTMAX_TV_PYTHON:-}" ] || facts=$facts,without-torchvision
fi

# ---- 3. builds ----

jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

build() { # NAME CMAKE-WORDS...
    name=$1
    folder=build/$name
    shift
    step "build $name"
    # A tree that was copied or moved brings a build folder that belongs to another place.
    if [ -f "$folder/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        rm -rf "$folder"
    fi
    mkdir -p "$folder"
    cmake -S . -B "$folder" -DACTMAX_TESTS=ON -DACTMAX_WERROR=ON -DCMAKE_C_COMPILER=gcc "$@" >"$folder/configure.log" 2>&1 || {
        tail -n 20 "$folder/configure.log" >&2
        fail "CMake failed (all of it: $folder/configure.log)"
    }
    cmake --build "$folder" --parallel "$jobs" >"$folder/build.log" 2>&1 || {
        grep -n -m 20 -A 5 'error' "$folder/build.log" >&2 || tail -n 20 "$folder/build.log" >&2
        fail "the build failed (all of it: $folder/build.log)"
    }
}

build release -DCMAKE_BUILD_TYPE=Release
build sanitize -DCMAKE_BUILD_TYPE=RelWithDebInfo -DACTMAX_SANITIZE=address,undefined -DACTMAX_EXAMPLES=OFF -DACTMAX_INSTALL=OFF
step "builds done"

case $(gcc -dumpfullversion) in 12.2.*) ;; *) facts=$facts,without-gcc-12.2 ;; esac
# Instruction sets that this processor lacks: tests of theirs are skipped.
for set in avx2 avx512; do
    build/release/examples/actmax version | grep -q "^ *$set *yes" || facts=$facts,without-$set
done

# ---- 4. rows ----

if [ "$mode" = full ]; then
    ACTMAX_FULL=1
    export ACTMAX_FULL
else
    unset ACTMAX_FULL
fi
status=0

rows() { # NAME COMMAND-BEFORE-CTEST...
    name=$1
    shift
    step "rows of build $name"
    rm -f "build/$name/rows.xml"
    # The whole output of every row is kept: skips inside a program are found in it.
    "$@" ctest --test-dir "build/$name" --parallel "$jobs" --output-on-failure --no-tests=error --test-output-size-passed 1000000 \
        --test-output-size-failed 1000000 --output-junit "$root/build/$name/rows.xml" || status=1
    [ -f "build/$name/rows.xml" ] || fail "ctest left no result for build $name"
}

rows release
# The sanitizers of older compilers do not bear a randomised address space on newer kernels; some containers forbid to switch it off.
if setarch "$(uname -m)" -R true 2>/dev/null; then
    rows sanitize setarch "$(uname -m)" -R
else
    echo "    setarch -R is not allowed here: the sanitizers run with a randomised address space"
    rows sanitize
fi

# ---- 5. the sum ----

python3 -B tests/report.py "tests/skips-$mode.txt" "$facts" release=build/release/rows.xml sanitize=build/sanitize/rows.xml || status=1
if [ "$status" = 0 ]; then
    echo "run.sh ($mode): passed in $(seconds) s"
else
    echo "run.sh ($mode): FAILED after $(seconds) s" >&2
fi
exit "$status"
