#!/bin/sh
# Builds everything, tests included, with another compiler or other flags, warnings being errors; runs the unit tests when asked.
# usage: build.sh SOURCE FOLDER RUN(yes|no) CMAKE-WORDS...
set -eu
source=$1 folder=$2 run=$3
shift 3
rm -rf "$folder"
mkdir -p "$folder"
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
cmake -S "$source" -B "$folder" -DACTMAX_WERROR=ON -DACTMAX_TESTS=ON -DACTMAX_PROJECT_TESTS=OFF "$@" >"$folder.log" 2>&1 &&
    cmake --build "$folder" --parallel "$jobs" >"$folder.log" 2>&1 || {
    grep -n -i 'error\|warning' "$folder.log" | head -n 40
    tail -n 20 "$folder.log"
    exit 1
}
if grep 'warning:' "$folder.log"; then exit 1; fi
[ "$run" = yes ] || exit 0
# Older sanitizers do not bear a randomised address space on newer kernels.
fixed=
if setarch "$(uname -m)" -R true 2>/dev/null; then fixed="setarch $(uname -m) -R"; fi
# shellcheck disable=SC2086  # words are meant to be split
$fixed ctest --test-dir "$folder" --output-on-failure --no-tests=error -L unit
