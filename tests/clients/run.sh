#!/usr/bin/env bash
# Leads a connector through its whole life with REST clients that others wrote for Kafka Connect, against a worker that is
# started for this. What the clients need is installed into the cache folder, outside the clone.
#
# usage: tests/clients/run.sh [CLIENT]...      python javascript go java; all by default
#
#   LONGSHORE       the binary; built if it is not set
#   REST_URL        http://host:port of a worker that runs already, for instance of Kafka Connect itself; it must know the
#                   FileStreamSink and keep offsets of sinks on BOOTSTRAP
set -euo pipefail
cd "$(dirname "$0")"
. ../servers/lib.sh
clients=("$@")
[ "${#clients[@]}" -gt 0 ] || clients=(python javascript go java)

cache=$LONGSHORE_CACHE/clients
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
mkdir -p "$cache"

# await WHAT COMMAND...: until the command succeeds, at most two minutes.
await() {
  local what=$1
  shift
  for _ in $(seq 1200); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  tail -n 30 "$work"/*.log >&2 || true
  die "waited in vain for $what"
}

start_worker() {
  local broker_port rest_port
  broker_port=$(free_port)
  chmod 755 "$work"
  PORT=$broker_port DATA=$work/kafka OWNER_PID=$$ ../servers/kafka-run.sh >"$work/kafka.log" 2>&1 &
  pids+=($!)
  await "the broker" grep -q "Kafka Server started" "$work/kafka.log"
  rest_port=$(free_port)
  if [ -z "${LONGSHORE:-}" ]; then
    (cd ../.. && cargo build --workspace --bin longshore)
    LONGSHORE=${CARGO_TARGET_DIR:-../../target}/debug/longshore
  fi
  env CONNECT_BOOTSTRAP_SERVERS="127.0.0.1:$broker_port" CONNECT_GROUP_ID=clients \
    CONNECT_CONFIG_STORAGE_TOPIC=configs CONNECT_OFFSET_STORAGE_TOPIC=offsets CONNECT_STATUS_STORAGE_TOPIC=status \
    CONNECT_CONFIG_STORAGE_REPLICATION_FACTOR=1 CONNECT_OFFSET_STORAGE_REPLICATION_FACTOR=1 \
    CONNECT_STATUS_STORAGE_REPLICATION_FACTOR=1 CONNECT_OFFSET_STORAGE_PARTITIONS=1 CONNECT_STATUS_STORAGE_PARTITIONS=1 \
    CONNECT_KEY_CONVERTER=org.apache.kafka.connect.storage.StringConverter \
    CONNECT_VALUE_CONVERTER=org.apache.kafka.connect.storage.StringConverter \
    CONNECT_LISTENERS="http://127.0.0.1:$rest_port" "$LONGSHORE" distributed >"$work/longshore.log" 2>&1 &
  pids+=($!)
  REST_URL=http://127.0.0.1:$rest_port
  await "the worker" curl -sf "$REST_URL/health"
}

python() {
  local venv=$cache/python
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r python/requirements.txt
  "$venv/bin/python" python/life.py "$REST_URL" "$work/python.out"
}

javascript() {
  mkdir -p "$cache/javascript"
  cp javascript/* "$cache/javascript/"
  (cd "$cache/javascript" && npm ci --silent --ignore-scripts && node life.js "$REST_URL" "$work/javascript.out")
}

go_client() {
  (cd go && go run . "$REST_URL" "$work/go.out")
}

java_client() {
  mkdir -p "$cache/java"
  cp -r java/. "$cache/java/"
  (cd "$cache/java" && mvn --quiet --batch-mode compile exec:java -Dexec.args="$REST_URL $work/java.out")
}

[ -n "${REST_URL:-}" ] || start_worker
for client in "${clients[@]}"; do
  case $client in
    python | javascript) "$client" ;;
    go | java) "${client}_client" ;;
    *) die "no such client: $client" 64 ;;
  esac
  say "$client: a connector's whole life"
done
