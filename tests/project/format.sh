#!/bin/sh
# Every C and C++ file is as clang-format leaves it. Version 19, which Debian 12 and 13 both have: versions differ in details.
# usage: format.sh SOURCE [--fix]
set -eu
cd "$1"
clang-format-19 --version
find lib include examples tests bindings \( -name '*.[ch]' -o -name '*.[ch]pp' \) ! -name '*.pb.[ch]' -print 2>/dev/null | sort |
    if [ "${2:-}" = --fix ]; then
        xargs clang-format-19 -i
    else
        xargs clang-format-19 --dry-run -Werror 2>&1 | grep 'error:' | sed 's/:.*//' | sort | uniq -c | {
            bad=0
            while read -r places file; do
                echo "$file: $places places; run: sh tests/project/format.sh . --fix"
                bad=1
            done
            exit "$bad"
        }
    fi
