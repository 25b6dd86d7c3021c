#!/bin/sh
# heavy.sh COMMAND...: runs the command only when everything was asked for.
if [ "${ACTMAX_FULL:-}" != 1 ]; then
    echo "SKIP: long or heavy; sh tests/run.sh --full runs it"
    exit 77
fi
exec "$@"
