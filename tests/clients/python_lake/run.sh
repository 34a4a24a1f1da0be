#!/usr/bin/env bash
# Reads what a sink has written to a bucket, and what `longshore lake compact` has made of it, with pyarrow, DuckDB and
# fastavro. `tests/end_to_end/lake/readers.rs` writes the objects and calls this.
#
# usage: run.sh ENDPOINT BUCKET STATE JSON AVRO PARQUET
#   ENDPOINT: host:port of the S3 server; STATE: written, parquet or csv; then the topics that were written in these formats
#
# The readers come from PyPI, pinned, into the cache folder (LONGSHORE_CACHE, see tests/servers/lib.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../servers/lib.sh"

packages=$LONGSHORE_CACHE/clients/python-lake
mkdir -p "$LONGSHORE_CACHE/clients"
# Tests run at the same time: one installs, the others wait for it.
exec 9>"$packages.lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$packages/requirements.txt"; then
  rm -rf "$packages"
  python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: --target "$packages" \
    -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$packages/"
fi
exec 9>&-
PYTHONPATH=$packages exec python3 "$here/read_back.py" "$@"
