#!/usr/bin/env bash
# Confluent's Python client and a built worker, through a real broker and a real schema registry, in both directions:
# what its serializers write arrives in a sink, and what a source writes is read by its deserializers. Avro, Protobuf
# and JSON Schema.
#
# usage: run.sh WORKER          the built executable; LONGSHORE_CACHE as with tests/servers
set -euo pipefail
worker=$(realpath "${1:?usage: run.sh WORKER}")
here=$(cd "$(dirname "$0")" && pwd)
servers=$(cd "$here/../../servers" && pwd)
. "$servers/lib.sh"

environment=$LONGSHORE_CACHE/clients/python-registry
if ! cmp -s "$here/requirements.txt" "$environment/requirements.txt"; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --only-binary :all: -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$environment/"
fi

"$servers/install.sh" kafka registry
folder=$(mktemp -d "$LONGSHORE_CACHE/clients/run-XXXXXX")
export OWNER_PID=$$ EPHEMERAL=1 RUN=$folder LOG=$folder
kafka=$(free_port) registry=$(free_port) rest=$(free_port)
finish() {
  [ -z "${worker_pid:-}" ] || kill "$worker_pid" 2>/dev/null || true
  for name in kafka registry; do "$servers/stop.sh" "$name" >/dev/null; done
  rm -rf "$folder"
}
trap finish EXIT

DATA=$folder/kafka PORT=$kafka "$servers/start.sh" kafka
DATA=$folder/registry PORT=$registry "$servers/start.sh" registry
cat >"$folder/worker.properties" <<PROPERTIES
bootstrap.servers=127.0.0.1:$kafka
listeners=http://127.0.0.1:$rest
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
offset.storage.file.filename=$folder/offsets
PROPERTIES
"$worker" standalone "$folder/worker.properties" >"$folder/worker.log" 2>&1 &
worker_pid=$!
if ! "$environment/bin/python" "$here/both_ways.py" "127.0.0.1:$kafka" "http://127.0.0.1:$registry/apis/ccompat/v7" \
  "http://127.0.0.1:$rest" "$folder"; then
  tail -n 40 "$folder/worker.log" >&2
  exit 1
fi
