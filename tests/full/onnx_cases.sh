#!/bin/sh
# onnx_cases.sh UNIT-PROGRAM SOURCE SCRATCH: ONNX's cases for single operators as PyPI's package onnx generates them, of the releases
# that brought opsets 18 to 25; each must pass or be refused as its table in tests/golden says (the program's head tells how).
# Exit code 77: pip reaches no index.
set -eu
program=$1
tables=$2/tests/golden
scratch=$3
failed=
for release in 1.13.1 1.14.1 1.15.0 1.16.2 1.17.0 1.18.0 1.19.1 1.20.1; do
    folder=$scratch/$release
    python=$folder/environment/bin/python
    if [ ! -f "$folder/done" ]; then
        rm -rf "$folder"
        mkdir -p "$folder/node"
        python3 -m venv "$folder/environment"
        case $release in 1.1[3-6].*) numpy='numpy<2' ;; *) numpy=numpy ;; esac # the first four are older than NumPy 2
        # Pillow is for the cases that decode pictures.
        "$python" -m pip install -q --disable-pip-version-check --prefer-binary --retries 1 "onnx==$release" "$numpy" pillow >"$folder/pip.log" 2>&1 || {
            tail -n 3 "$folder/pip.log"
            echo "SKIP: pip cannot get onnx $release"
            exit 77
        }
        "$python" -W ignore -m onnx.backend.test.cmd_tools generate-data -o "$folder" >"$folder/generate.log" 2>&1 || {
            tail -n 20 "$folder/generate.log"
            exit 1
        }
        touch "$folder/done"
    fi
    echo "onnx $release"
    ACTMAX_ONNX_TESTDATA=$folder ACTMAX_ONNX_EXPECTED=$tables/onnx_conformance_${release%.*}.txt \
        ACTMAX_ONNX_TABLE=$folder/table.txt "$program" || failed="$failed $release"
done
[ -z "$failed" ] || {
    echo "FAIL: onnx$failed"
    exit 1
}
