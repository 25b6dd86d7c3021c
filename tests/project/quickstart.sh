#!/bin/sh
# examples/quickstart.sh on a copy of the sources, without a package index, so that it takes the network in examples/.
# usage: quickstart.sh SOURCE SCRATCH
set -eu
rm -rf "$2"
mkdir -p "$2"
(cd "$1" && tar -cf - --exclude=./build --exclude=./.git --exclude=./quickstart-out .) | tar -xf - -C "$2"
cd "$2"
PIP_INDEX_URL=http://127.0.0.1:9/ PIP_NO_INDEX=1 sh examples/quickstart.sh
[ -s quickstart-out/index.html ] || {
    echo "there is no page"
    exit 1
}
pictures=$(find quickstart-out -name '*.png' -size +0 | wc -l)
[ "$pictures" -ge 6 ] || {
    echo "only $pictures pictures"
    exit 1
}
