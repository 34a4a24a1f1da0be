#!/usr/bin/env bash
# Runs Apicurio Registry in the foreground, its data in memory: this process becomes the server. Confluent's API is at
# http://127.0.0.1:PORT/apis/ccompat/v7, without login. Ready when GET …/subjects answers.
#
# usage: registry-run.sh
#   PORT           8081
#   DATA           folder of this instance      ($LONGSHORE_CACHE/servers/data/registry)
#   REGISTRY_HEAP  256m
#   OWNER_PID      ends with that process; EPHEMERAL=1 then removes DATA
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PORT=${PORT:-8081}
DATA=${DATA:-$SERVERS/data/registry}
[ -f "$SERVERS/registry/apicurio-registry-app-3.0.9-runner.jar" ] || die "the schema registry is not installed: run $HERE/install.sh registry" "$EX_UNAVAILABLE"
need_port "$PORT"
mkdir -p "$DATA"
guard
cd "$SERVERS/registry"
exec java "-Xmx${REGISTRY_HEAP:-256m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir="$DATA" \
  -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$PORT" -Dquarkus.management.enabled=false -jar apicurio-registry-app-3.0.9-runner.jar
