#!/bin/sh
# include/actmax.h compiles by itself as C99, C11, C++11 and C++17 without a warning.
# usage: header_alone.sh INCLUDE_FOLDER SCRATCH
set -eu
include=$1 scratch=$2
mkdir -p "$scratch"
# Twice, and a function used, so that the guard and the linkage are seen too.
printf '#include <actmax.h>\n#include <actmax.h>\nint main(void) { return actmax_version() == ACTMAX_VERSION ? 0 : 1; }\n' >"$scratch/alone.c"
cp "$scratch/alone.c" "$scratch/alone.cpp"
warnings="-Wall -Wextra -Wpedantic -Wundef -Werror"
for command in "gcc -std=c99 -Wstrict-prototypes" "gcc -std=c11" "clang -std=c99 -Wstrict-prototypes" "clang -std=c11"; do
    echo "$command"
    # shellcheck disable=SC2086  # words are meant to be split
    $command $warnings "-I$include" -c "$scratch/alone.c" -o "$scratch/alone.o"
done
for command in "g++ -std=c++11" "g++ -std=c++17" "clang++ -std=c++11" "clang++ -std=c++17"; do
    echo "$command"
    # shellcheck disable=SC2086
    $command $warnings -Wold-style-cast "-I$include" -c "$scratch/alone.cpp" -o "$scratch/alone.o"
done
