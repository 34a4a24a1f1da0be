#!/usr/bin/env bash
# Runs SeaweedFS with its S3 API in the foreground: this process becomes the server. Access keys, each with the secret
# `labpass`: `lab` may do everything, `reader` may read. Ready when GET / answers 403.
#
# usage: s3-run.sh
#   PORT       9000
#   DATA       folder of this instance      ($LONGSHORE_CACHE/servers/data/s3)
#   OWNER_PID  ends with that process; EPHEMERAL=1 then removes DATA
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PORT=${PORT:-9000}
DATA=${DATA:-$SERVERS/data/s3}
[ -x "$SERVERS/s3/weed" ] || die "the S3 server is not installed: run $HERE/install.sh s3" "$EX_UNAVAILABLE"
need_port "$PORT"
mkdir -p "$DATA/store"
guard

# Its parts talk to each other over ports of their own: a row of seven that nobody uses.
is_free_row() {
  local port
  for ((port = $1; port < $1 + 7; port++)); do
    if [ "$port" = "$PORT" ] || listening "$port"; then return 1; fi
  done
}
first=$(free_port)
until is_free_row "$first"; do first=$(free_port); done
cd "$DATA"
# Each bucket takes several volumes, which are empty files at first: free space must not say how many there may be.
exec env GOMAXPROCS=2 "$SERVERS/s3/weed" mini -dir="$DATA/store" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
  -master.port="$first" -master.port.grpc="$((first + 1))" -volume.port="$((first + 2))" \
  -volume.port.grpc="$((first + 3))" -volume.max=2000 -filer.port="$((first + 4))" -filer.port.grpc="$((first + 5))" \
  -s3.port="$PORT" -s3.port.grpc="$((first + 6))" -s3.config="$HERE/s3/identities.json" -s3.autoCreateBucket=false \
  -s3.port.iceberg=0 -s3.port.lance=0 -s3.localSocket="$DATA/s3.sock" -admin.ui=false -master.telemetry=false -webdav=false
