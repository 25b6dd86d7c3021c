#!/bin/sh
# The Python package as a user gets it: built and installed by pip into a new environment, then tested from another folder, with no
# variable set and no build tree left.
#
# usage: run.sh package|sdist SOURCE SCRATCH [PYTHON]
#        run.sh probe SCRATCH [PYTHON]     exit code 0 when pip reaches an index
#   package: from the checkout. sdist: from a source distribution, one wheel for each of Python 3.11 to 3.13 that is here.
# Exit code 77: skipped, because there is no Python 3.11 or pip reaches no index.
set -eu

what=$1
[ "$what" = probe ] || { source=$2 && shift; }
scratch=$2
python=${3:-python3}
unset ACTMAX_LIBRARY LD_LIBRARY_PATH PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV
PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PYTHONDONTWRITEBYTECODE PIP_DISABLE_PIP_VERSION_CHECK PIP_NO_INPUT
mkdir -p "$scratch"

skip() {
    echo "SKIP: $1"
    exit 77
}

environment() { # FOLDER PYTHON PACKAGES...: a new environment with packages from the index
    folder=$1
    rm -rf "$folder"
    "$2" -m venv "$folder"
    shift 2
    "$folder/bin/python" -m pip install -q --timeout 20 --retries 1 "$@" >"$folder/pip.log" 2>&1 || {
        tail -n 3 "$folder/pip.log"
        skip "pip cannot get $* (no index within reach?)"
    }
}

suite() { # ENVIRONMENT
    (cd / && "$1/bin/python" -m pytest -q -p no:cacheprovider "$source/tests/python")
}

new_enough() { # PYTHON
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ "$what" = probe ]; then
    new_enough "$python" && (environment "$scratch/probe" "$python" iniconfig) >/dev/null && exit 0
    exit 1
fi
new_enough "$python" || skip "$python is older than 3.11"
# Absolute, since the suite runs elsewhere
scratch=$(cd "$scratch" && pwd)

if [ "$what" = package ]; then
    environment "$scratch/package" "$python" numpy pytest pillow tqdm
    "$scratch/package/bin/python" -m pip install -q --no-deps "$source/bindings/python"
    suite "$scratch/package"
    exit 0
fi

environment "$scratch/sdist" "$python" build
rm -rf "$scratch/dist"
"$scratch/sdist/bin/python" -m build -q --outdir "$scratch/dist" "$source/bindings/python"
ls -l "$scratch/dist"
for version in 3.11 3.12 3.13; do
    new_enough "python$version" || {
        echo "python$version is not here"
        continue
    }
    environment "$scratch/python$version" "python$version" numpy pytest pillow tqdm
    "$scratch/python$version/bin/python" -m pip install -q --no-deps "$scratch"/dist/*.whl
    echo "python$version"
    suite "$scratch/python$version"
done
