#!/usr/bin/env bash
# Runs ClickHouse on loopback with a Keeper of its own (KeeperMap, replicated tables), in the foreground: this process
# becomes the server. Ready when system.zookeeper can be read, a second or two later.
#
# usage: clickhouse-run.sh [--fresh]           --fresh forgets what was stored before
#   PORT       8123, of HTTP; the other ports are chosen at the first start and kept in DATA
#   DATA       folder of this instance          ($LONGSHORE_CACHE/servers/data/clickhouse)
#   ARGS       more of the server's configuration: --https_port=… --openSSL.server.certificateFile=…
#   OWNER_PID  ends with that process; EPHEMERAL=1 then removes DATA
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PORT=${PORT:-8123}
DATA=${DATA:-$SERVERS/data/clickhouse}
CLICKHOUSE=$SERVERS/clickhouse/clickhouse
[ -x "$CLICKHOUSE" ] || die "ClickHouse is not installed: run $HERE/install.sh clickhouse" "$EX_UNAVAILABLE"
need_port "$PORT"
[ "${1:-}" = --fresh ] && rm -rf "$DATA"
mkdir -p "$DATA"

if [ ! -f "$DATA/ports" ]; then
  for name in TCP INTERSERVER KEEPER RAFT; do echo "export CLICKHOUSE_${name}_PORT=$(free_port)"; done >"$DATA/ports"
fi
. "$DATA/ports"
export CLICKHOUSE_HTTP_PORT=$PORT CLICKHOUSE_PATH=$DATA/data/ CLICKHOUSE_ACCESS=$DATA/access/ \
  CLICKHOUSE_USERS=$HERE/clickhouse/users.xml CLICKHOUSE_KEEPER_LOG=$DATA/keeper/log \
  CLICKHOUSE_KEEPER_SNAPSHOTS=$DATA/keeper/snapshots CLICKHOUSE_WATCHDOG_ENABLE=0
mkdir -p "$DATA/data" "$DATA/access" "$DATA/keeper"
guard
cd "$DATA"
# shellcheck disable=SC2086 # several words
exec "$CLICKHOUSE" server --config-file="$HERE/clickhouse/config.xml" -- ${ARGS:-}
