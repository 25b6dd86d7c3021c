#!/bin/sh
# The library for 64-bit ARM: built by Debian's cross compiler and run by qemu's emulator of programs, so that the NEON kernels are
# compared with their plain C twins, and everything above them with the same goldens as elsewhere.
#
# usage: neon.sh SOURCE SCRATCH
#        neon.sh probe SCRATCH      exit code 0 when all that it needs is here
#
# Debian's packages for ARM are unpacked into SCRATCH by an apt with folders of its own: nothing is installed, no rights are needed.
# Exit code 77: skipped, because gcc-aarch64-linux-gnu, libc6-dev-arm64-cross or qemu-user is not installed, or apt reaches no mirror.
set -eu

source=$1
mkdir -p "$2"
scratch=$(cd "$2" && pwd)
root=$scratch/root
triple=aarch64-linux-gnu
blas=$root/usr/lib/$triple/openblas-pthread
packages="libcmocka-dev libcmocka0 libnanopb-dev zlib1g-dev zlib1g libcjson-dev libcjson1 libgif-dev libgif7 libopenblas-pthread-dev
libopenblas0-pthread libgfortran5 libstb-dev"

skip() {
    echo "SKIP: $1"
    exit 77
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

for tool in $triple-gcc qemu-aarch64 apt-get dpkg-deb; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is missing: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
done

arm_apt() {
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= -o Dir::State::lists="$scratch/lists" \
        -o Dir::State::status=/dev/null -o Dir::Cache="$scratch/cache" -o APT::Get::List-Cleanup=false "$@"
}

if [ ! -f "$root/complete" ]; then
    rm -rf "$root" "$scratch/debs"
    mkdir -p "$root" "$scratch/debs" "$scratch/lists/partial" "$scratch/cache/archives/partial"
    # shellcheck disable=SC2086  # one word, one package
    (cd "$scratch/debs" && arm_apt update && arm_apt download $packages) >"$scratch/apt.log" 2>&1 || {
        tail -n 3 "$scratch/apt.log"
        skip "apt cannot get the packages for ARM (no mirror within reach?)"
    }
    for package in "$scratch"/debs/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    touch "$root/complete"
fi

if [ "$source" = probe ]; then
    exit 0
fi
build=$scratch/build
# By the loader itself: the option -L of the emulator would show programs another root folder.
libraries=$root/usr/lib/$triple:$root/lib/$triple:$blas:/usr/$triple/lib
emulator="qemu-aarch64;/usr/$triple/lib/ld-linux-aarch64.so.1;--library-path;$libraries"
cmake -S "$source" -B "$build" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=$triple-gcc \
    -DCMAKE_FIND_ROOT_PATH="$root" -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY \
    -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER -DCMAKE_BUILD_TYPE=Release -DACTMAX_TESTS=ON -DACTMAX_WERROR=ON \
    -DACTMAX_PROJECT_TESTS=OFF -DACTMAX_SHARED=OFF -DACTMAX_STATIC=OFF -DACTMAX_EXAMPLES=OFF -DACTMAX_INSTALL=OFF \
    -DACTMAX_OPENBLAS_LIBRARY="$blas/libopenblas.so.0" -DACTMAX_CBLAS_INCLUDE="$root/usr/include/$triple/openblas-pthread" \
    -DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-shlib-undefined -DCMAKE_CROSSCOMPILING_EMULATOR="$emulator" >"$scratch/configure.log" 2>&1 || {
    tail -n 20 "$scratch/configure.log"
    fail "cmake"
}
cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" >"$scratch/build.log" 2>&1 || {
    grep -n -m 10 -A 5 error "$scratch/build.log" || tail -n 20 "$scratch/build.log"
    fail "the build"
}

# As many at once as there are cores. The emulator takes some fifty times as long as a processor.
ctest --test-dir "$build" -L unit --parallel "$(getconf _NPROCESSORS_ONLN)" --output-on-failure || fail "some programs"
