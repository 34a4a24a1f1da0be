#!/usr/bin/env bash
# Starts a test server in the background and waits until it is ready.
#
# usage: start.sh kafka|mongo|registry|clickhouse|s3|connect [--fresh]      the variables of SERVER-run.sh, and
#   NAME  name of this instance, of its data, pid file and log (the server's name)
#   RUN   folder of the pid files   ($LONGSHORE_CACHE/servers/run)
#   LOG   folder of the logs        ($LONGSHORE_CACHE/servers/log)
set -euo pipefail
. "$(dirname "$0")/lib.sh"

server=${1:-}
case $server in kafka | mongo | registry | clickhouse | s3 | connect) shift ;; *) die "$(sed -n 4p "$0" | cut -c3-)" 64 ;; esac
NAME=${NAME:-$server}
export DATA=${DATA:-$SERVERS/data/$NAME}
mkdir -p "$RUN" "$LOG"
log=$LOG/$NAME.log pid_file=$RUN/$NAME.pid

if [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; then
  die "$NAME is already running, pid $(cat "$pid_file")"
fi

ready() {
  case $server in
    kafka) grep -q 'Kafka Server started' "$log" ;;
    mongo) python3 "$HERE/mongo/command.py" 127.0.0.1 "${PORT:-27017}" is-primary ;;
    registry) curl -sf -m 2 "http://127.0.0.1:${PORT:-8081}/apis/ccompat/v7/subjects" ;;
    clickhouse) curl -sf -m 2 "http://127.0.0.1:${PORT:-8123}/?query=SELECT+count()+FROM+system.zookeeper+WHERE+path%3D%27/%27" ;;
    s3) [ "$(curl -s -m 2 -o /dev/null -w '%{http_code}' "http://127.0.0.1:${PORT:-9000}/")" = 403 ] ;;
    connect) curl -sf -m 2 "http://127.0.0.1:${PORT:-8083}/connectors" ;;
  esac >/dev/null 2>&1
}

setsid "$HERE/$server-run.sh" "$@" </dev/null >"$log" 2>&1 &
pid=$!
echo "$pid" >"$pid_file"
start=$SECONDS
until ready; do
  if ! kill -0 "$pid" 2>/dev/null; then
    rm -f "$pid_file"
    tail -n 20 "$log" >&2
    die "$NAME ended while starting; its whole log is $log"
  fi
  if [ $((SECONDS - start)) -ge 120 ]; then die "$NAME is not ready after 120 s; its log is $log"; fi
  sleep 0.1
done
echo "$NAME is ready after $((SECONDS - start)) s, pid $pid"
