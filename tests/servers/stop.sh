#!/usr/bin/env bash
# Stops what start.sh started: politely, and after 30 s by force.
#
# usage: stop.sh NAME        (RUN as with start.sh)
set -euo pipefail
. "$(dirname "$0")/lib.sh"

NAME=${1:?usage: stop.sh NAME}
pid_file=$RUN/$NAME.pid
[ -f "$pid_file" ] || { echo "$NAME is not running"; exit 0; }
pid=$(cat "$pid_file")
kill -TERM "$pid" 2>/dev/null || true
for _ in $(seq 300); do
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.1
done
kill -KILL "$pid" 2>/dev/null || true
rm -f "$pid_file"
echo "$NAME is stopped"
