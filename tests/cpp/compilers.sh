#!/bin/sh
# actmax.hpp and what uses it, without a warning, by every C++ compiler that is here and in each version of C++; and installed beside
# actmax.h where that is asked for.
# usage: compilers.sh SOURCE SCRATCH
set -eu
source=$1 scratch=$2
seen=0
for compiler in g++ clang++; do
    command -v "$compiler" >/dev/null 2>&1 || continue
    found=$compiler
    for version in c++17 c++20; do
        for file in "$source/examples/minimal.cpp" "$source/tests/cpp/test_cpp.cpp"; do
            "$compiler" -std=$version -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$source/include" \
                -I"$source/bindings/cpp" "$file"
        done
        # Each header alone
        for header in "$source"/bindings/cpp/*.hpp; do
            printf '#include "%s"\n' "$header" | "$compiler" -x c++ -std=$version -fsyntax-only -Wall -Wextra -Wpedantic -Werror \
                -I"$source/include" -
        done
        echo "$compiler $version"
        seen=$((seen + 1))
    done
done
[ "$seen" -ge 2 ]

# The option ACTMAX_CPP, seen in a build without anything else
rm -rf "$scratch"
for choice in OFF ON; do
    cmake -S "$source" -B "$scratch/$choice" -DACTMAX_CPP=$choice -DACTMAX_SHARED=OFF -DACTMAX_STATIC=OFF -DACTMAX_EXAMPLES=OFF \
        -DCMAKE_INSTALL_INCLUDEDIR=include >"$scratch.log" 2>&1 || {
        cat "$scratch.log"
        exit 1
    }
    cmake --install "$scratch/$choice" --prefix "$scratch/prefix_$choice" >/dev/null
done
[ "$(ls "$scratch/prefix_OFF/include")" = actmax.h ]
for header in "$source/include/actmax.h" "$source"/bindings/cpp/*.hpp; do
    cmp "$header" "$scratch/prefix_ON/include/$(basename "$header")"
    rm "$scratch/prefix_ON/include/$(basename "$header")"
done
rmdir "$scratch/prefix_ON/include"
# What is installed is enough for a program.
cmake --install "$scratch/ON" --prefix "$scratch/prefix_ON" >/dev/null
"$found" -std=c++17 -fsyntax-only -I"$scratch/prefix_ON/include" "$source/examples/minimal.cpp"
echo "the C++ headers are installed with ACTMAX_CPP, and only then"
