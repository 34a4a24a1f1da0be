#!/usr/bin/env bash
# Runs Apache Kafka Connect's own worker, distributed, in the foreground: what Longshore is compared and measured
# against, and the other worker of a mixed group. Ready when GET /connectors answers.
#
# usage: connect-run.sh
#   PORT          8083 (REST)
#   BOOTSTRAP     127.0.0.1:29092
#   GROUP_ID      connect-cluster
#   TOPIC_PREFIX  connect: the internal topics are PREFIX-configs, PREFIX-offsets, PREFIX-status
#   PLUGIN_PATH   the file and MongoDB connectors (install.sh connect)
#   CONNECT_PROPS a file of further worker properties
#   CONNECT_HEAP  "-Xms256M -Xmx2G", Kafka's own default
#   DATA          folder of this instance         ($LONGSHORE_CACHE/servers/data/connect)
#   OWNER_PID     ends with that process; EPHEMERAL=1 then removes DATA
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PORT=${PORT:-8083}
DATA=${DATA:-$SERVERS/data/connect}
KAFKA=$SERVERS/kafka
[ -d "$KAFKA/libs" ] || die "Kafka Connect is not installed: run $HERE/install.sh connect" "$EX_UNAVAILABLE"
need_port "$PORT"
[ "${1:-}" = --fresh ] && rm -rf "$DATA"
mkdir -p "$DATA"

cat >"$DATA/worker.properties" <<P
bootstrap.servers=${BOOTSTRAP:-127.0.0.1:29092}
group.id=${GROUP_ID:-connect-cluster}
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter.schemas.enable=false
config.storage.topic=${TOPIC_PREFIX:-connect}-configs
config.storage.replication.factor=1
offset.storage.topic=${TOPIC_PREFIX:-connect}-offsets
offset.storage.replication.factor=1
status.storage.topic=${TOPIC_PREFIX:-connect}-status
status.storage.replication.factor=1
listeners=http://127.0.0.1:$PORT
rest.advertised.host.name=127.0.0.1
rest.advertised.port=$PORT
plugin.path=${PLUGIN_PATH:-$KAFKA/plugins}
connector.client.config.override.policy=All
P
if [ -n "${CONNECT_PROPS:-}" ]; then cat "$CONNECT_PROPS" >>"$DATA/worker.properties"; fi

guard
# shellcheck disable=SC2086  # several options in one variable
exec java ${CONNECT_HEAP:--Xms256M -Xmx2G} -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
  -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true \
  -Dkafka.logs.dir="$DATA" -Dlog4j2.configurationFile="$HERE/kafka/log4j2.yaml" \
  -cp "$KAFKA/libs/*" org.apache.kafka.connect.cli.ConnectDistributed "$DATA/worker.properties"
