#!/bin/sh
# Programs that use actmax as its users do, and builds with a part left out.
#
# usage: run.sh WHAT SOURCE BUILD SCRATCH
#   WHAT: install find_package pkg_config_shared pkg_config_static moved subdirectory no_onnx no_keras no_gif no_openblas static_only shared_only
#   BUILD: the release build; SCRATCH: a folder of these tests, where `install` puts the prefix that the next four use
# CC and CXX name the compilers.
set -eu

what=$1 source=$2 build=$3 scratch=$4
CC=${CC:-cc} CXX=${CXX:-c++}
prefix=$scratch/prefix
here=$scratch/$what
model=$source/examples/fashion_mnist.onnx
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# Builds with a part left out are about linking and warnings: without optimisation they take a third of the time.
part="-DACTMAX_WERROR=ON -DCMAKE_BUILD_TYPE=Debug"
warnings="-Wall -Wextra -Wpedantic -Werror"
mkdir -p "$scratch"

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

make_build() { # FOLDER CMAKE-WORDS...: configures and builds
    folder=$1
    shift
    rm -rf "$folder"
    cmake -B "$folder" -DCMAKE_C_COMPILER="$CC" "$@" >"$folder.log" 2>&1 || {
        cat "$folder.log"
        fail "cmake $*"
    }
    cmake --build "$folder" --parallel "$jobs" >"$folder.log" 2>&1 || {
        cat "$folder.log"
        fail "the build of $folder"
    }
}

works() { # PROGRAM: makes a picture, twice the same
    "$@" "$model" "$here.1.png"
    "$@" "$model" "$here.2.png" >/dev/null
    cmp "$here.1.png" "$here.2.png" || fail "two runs differ"
}

needs_shared() { # PROGRAM yes|no: whether it loads libactmax.so
    if ldd "$1" | grep -q 'libactmax\.so'; then found=yes; else found=no; fi
    [ "$found" = "$2" ] || fail "$1: loads libactmax.so: $found, expected: $2"
}

pkg_config() { # PREFIX WORDS...
    PKG_CONFIG_PATH=$(dirname "$(find "$1" -name actmax.pc)")
    export PKG_CONFIG_PATH
    shift
    pkg-config "$@" actmax
}

library_folder() {
    dirname "$(find "$1" -name 'libactmax.*' | head -n 1)"
}

# shellcheck disable=SC2046,SC2086  # words of pkg-config and warnings are meant to be split
case $what in
install)
    rm -rf "$prefix"
    cmake --install "$build" --prefix "$prefix" >"$here.log" 2>&1 || {
        cat "$here.log"
        fail "cmake --install"
    }
    (cd "$prefix" && find . -type f -o -type l | sort)
    others=$(cd "$prefix" && find include -type f ! -name actmax.h ! -name 'actmax*.hpp')
    [ -z "$others" ] || fail "more than the public headers is installed: $others"
    needs_shared "$prefix/bin/actmax" yes
    "$prefix/bin/actmax" version
    ;;
find_package)
    make_build "$here" -S "$source/tests/consumers/find_package" -DCMAKE_PREFIX_PATH="$prefix"
    needs_shared "$here/consumer" yes
    needs_shared "$here/consumer_static" no
    works "$here/consumer"
    works "$here/consumer_static"
    ;;
pkg_config_shared)
    $CXX -std=c++11 $warnings "$source/tests/consumers/consumer.cpp" -o "$here" $(pkg_config "$prefix" --cflags --libs)
    LD_LIBRARY_PATH=$(library_folder "$prefix")
    export LD_LIBRARY_PATH
    needs_shared "$here" yes
    works "$here"
    ;;
pkg_config_static)
    libs=$(pkg_config "$prefix" --cflags --libs --static)
    libs=$(echo "$libs" | sed 's/-lactmax/-Wl,-Bstatic -lactmax -Wl,-Bdynamic/')
    $CXX -std=c++11 $warnings "$source/tests/consumers/consumer.cpp" -o "$here" $libs
    needs_shared "$here" no
    works "$here"
    ;;
moved) # the whole prefix under another name: the program, pkg-config and CMake still find everything
    rm -rf "$scratch/elsewhere"
    mkdir -p "$scratch/elsewhere"
    mv "$prefix" "$scratch/elsewhere/actmax"
    status=0
    (
        prefix=$scratch/elsewhere/actmax
        "$prefix/bin/actmax" version
        $CC -std=c99 $warnings "$source/tests/consumers/consumer.c" -o "$here" $(pkg_config "$prefix" --cflags --libs)
        LD_LIBRARY_PATH=$(library_folder "$prefix") works "$here"
        make_build "$here.cmake" -S "$source/tests/consumers/find_package" -DCMAKE_PREFIX_PATH="$prefix"
        works "$here.cmake/consumer"
    ) || status=$?
    mv "$scratch/elsewhere/actmax" "$prefix"
    exit "$status"
    ;;
subdirectory)
    make_build "$here" -S "$source/tests/consumers/subdirectory" -DACTMAX_SOURCE="$source" -DCMAKE_C_FLAGS=-O0
    works "$here/consumer"
    ;;
no_onnx)
    make_build "$here" -S "$source" -DACTMAX_ONNX=OFF $part
    if "$here/examples/actmax" info "$model" >"$here.out" 2>&1; then fail "a network was read without a loader"; fi
    cat "$here.out"
    grep -q 'ACTMAX_ONNX' "$here.out" || fail "the message does not say what is lacking"
    "$here/examples/actmax" version
    ;;
no_keras)
    make_build "$here" -S "$source" -DACTMAX_KERAS=OFF $part
    if ldd "$here/examples/actmax" | grep -E 'libcjson|libz\.'; then fail "a library of the Keras loader is linked"; fi
    "$here/examples/actmax" info "$model" --preprocess unit >"$here.txt"
    ;;
no_gif)
    make_build "$here" -S "$source" -DACTMAX_GIF=OFF $part
    if ldd "$here/examples/actmax" | grep libgif; then fail "giflib is linked"; fi
    if "$here/examples/actmax" maximize "$model" --layer conv2 --filter 1 --steps 4 --preprocess unit --out "$here.png" \
        --gif "$here.gif" >"$here.out" 2>&1; then fail "an animation was made without giflib"; fi
    cat "$here.out"
    grep -q 'ACTMAX_GIF' "$here.out" || fail "the message does not say what is lacking"
    ;;
no_openblas)
    make_build "$here" -S "$source" -DACTMAX_OPENBLAS=OFF $part
    if ldd "$here/examples/actmax" | grep libopenblas; then fail "OpenBLAS is linked"; fi
    "$here/examples/actmax" maximize "$model" --layer conv2 --filter 1 --steps 4 --preprocess unit --out "$here.png"
    ;;
static_only | shared_only)
    if [ "$what" = static_only ]; then off=ACTMAX_SHARED there=no; else off=ACTMAX_STATIC there=yes; fi
    make_build "$here" -S "$source" -D$off=OFF $part
    rm -rf "$here.prefix"
    cmake --install "$here" --prefix "$here.prefix" >/dev/null
    make_build "$here.consumer" -S "$source/tests/consumers/find_package" -DCMAKE_PREFIX_PATH="$here.prefix"
    needs_shared "$here.consumer/consumer" $there
    works "$here.consumer/consumer"
    needs_shared "$here.prefix/bin/actmax" $there
    "$here.prefix/bin/actmax" version
    static=
    [ "$what" = shared_only ] || static=--static
    $CC $warnings "$source/tests/consumers/consumer.c" -o "$here.pc" $(pkg_config "$here.prefix" --cflags --libs $static)
    LD_LIBRARY_PATH=$(library_folder "$here.prefix") works "$here.pc"
    ;;
*)
    fail "there is no consumer '$what'"
    ;;
esac
