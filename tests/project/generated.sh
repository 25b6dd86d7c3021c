#!/bin/sh
# The committed onnx.pb.[ch] are what nanopb makes of onnx.proto and onnx.options: the same, but for what differs between nanopb's
# versions and is not used here (comments, initialisers, the size of the largest message).
# usage: generated.sh SOURCE SCRATCH
set -eu
folder=lib/loaders/onnx
rm -rf "$2"
mkdir -p "$2"
cp "$1/$folder/onnx.proto" "$1/$folder/onnx.options" "$1/$folder/generate.sh" "$2"
(cd "$2" && sh generate.sh)
bare() {
    sed -e 's|/\*.*\*/||' -e '/^#define [A-Za-z_]*_init_\(default\|zero\) /d' -e '/^#define [A-Z_]*_MAX_SIZE /d' -e 's/[[:space:]][[:space:]]*/ /g' -e 's/ $//' -e '/^$/d' "$1"
}
for file in onnx.pb.h onnx.pb.c; do
    bare "$1/$folder/$file" >"$2/$file.committed"
    bare "$2/$file" >"$2/$file.made"
    diff "$2/$file.committed" "$2/$file.made" || {
        echo "$file is not what sh $folder/generate.sh makes"
        exit 1
    }
done
