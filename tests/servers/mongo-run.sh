#!/usr/bin/env bash
# Runs MongoDB, a replica set `rs0` of one member on loopback (transactions, change streams) with fail points
# on, in the foreground: this process becomes the server. Ready when it is primary, about a second later.
#
# usage: mongo-run.sh [--fresh]                --fresh forgets what was stored before
#   PORT            27017; part of the replica set's configuration, so it belongs to DATA
#   DATA            folder of this instance; as root, one that user nobody can reach
#                                                ($LONGSHORE_CACHE/servers/data/mongo)
#   MONGO_MEMBER    1: one of several members; whoever starts them initiates the set with all
#   MONGO_AUTH      1: needs a login, user lab with password labpass
#   MONGO_TLS_KEY   none; a PEM file of its key and certificates: clients must come by TLS then. MONGO_TLS_CA is
#                   a PEM file of whom it trusts, for certificates that clients may show
#   MONGO_CACHE_GB  0.25
#   OWNER_PID       ends with that process; EPHEMERAL=1 then removes DATA
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PORT=${PORT:-27017}
DATA=${DATA:-$SERVERS/data/mongo}
MONGOD=$SERVERS/mongo/mongod
[ -x "$MONGOD" ] || die "MongoDB is not installed: run $HERE/install.sh mongo" "$EX_UNAVAILABLE"
need_port "$PORT"
[ "${1:-}" = --fresh ] && rm -rf "$DATA"
mkdir -p "$DATA"

as_nobody=()
if [ "$(id -u)" = 0 ]; then
  as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
  chown 65534:65534 "$DATA"
  "${as_nobody[@]}" test -x "$MONGOD" || die "$SERVERS cannot be reached by user nobody: set LONGSHORE_CACHE to another folder" "$EX_UNAVAILABLE"
  "${as_nobody[@]}" test -w "$DATA" || die "$DATA cannot be reached by user nobody: set DATA to another folder" "$EX_UNAVAILABLE"
fi

auth=()
if [ "${MONGO_AUTH:-}" = 1 ]; then
  if [ ! -f "$DATA/key" ]; then
    head -c 96 /dev/urandom | base64 -w0 >"$DATA/key"
    chmod 400 "$DATA/key"
    if [ "$(id -u)" = 0 ]; then chown 65534:65534 "$DATA/key"; fi
  fi
  auth=(--auth --keyFile "$DATA/key")
fi

tls=()
if [ -n "${MONGO_TLS_KEY:-}" ]; then
  cat "$MONGO_TLS_KEY" >"$DATA/tls.pem"
  cat "$MONGO_TLS_CA" >"$DATA/ca.pem"
  chmod 400 "$DATA/tls.pem" "$DATA/ca.pem"
  if [ "$(id -u)" = 0 ]; then chown 65534:65534 "$DATA/tls.pem" "$DATA/ca.pem"; fi
  tls=(--tlsMode requireTLS --tlsCertificateKeyFile "$DATA/tls.pem" --tlsCAFile "$DATA/ca.pem"
    --tlsAllowConnectionsWithoutCertificates)
fi

(
  command=(python3 "$HERE/mongo/command.py" 127.0.0.1 "$PORT")
  if [ "${MONGO_MEMBER:-}" = 1 ]; then exit 0; fi
  "${command[@]}" wait-ready 60 && "${command[@]}" rs-init rs0
  if [ "${MONGO_AUTH:-}" = 1 ]; then "${command[@]}" create-user lab labpass; fi
) </dev/null >&2 &
guard
exec "${as_nobody[@]}" env LD_LIBRARY_PATH="$SERVERS/mongo/libssl11" "$MONGOD" --dbpath "$DATA" --bind_ip 127.0.0.1 \
  --port "$PORT" --replSet rs0 --wiredTigerCacheSizeGB "${MONGO_CACHE_GB:-0.25}" --nounixsocket \
  --setParameter enableTestCommands=1 --setParameter diagnosticDataCollectionEnabled=false "${auth[@]}" "${tls[@]}"
