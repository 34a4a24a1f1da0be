#!/usr/bin/env bash
# Kafka's command line tools, against BOOTSTRAP (127.0.0.1:29092).
#
# usage: kafka-tool.sh topics|groups|configs|produce|consume|offsets|perf-produce|perf-consume ARGUMENT...
set -euo pipefail
. "$(dirname "$0")/lib.sh"

address=(--bootstrap-server "${BOOTSTRAP:-127.0.0.1:29092}")
case ${1:-} in
  topics) class=org.apache.kafka.tools.TopicCommand ;;
  groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
  configs) class=kafka.admin.ConfigCommand ;;
  produce) class=org.apache.kafka.tools.ConsoleProducer ;;
  consume) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
  offsets) class=org.apache.kafka.tools.GetOffsetShell ;;
  perf-produce) class=org.apache.kafka.tools.ProducerPerformance address=(--producer-props "bootstrap.servers=${BOOTSTRAP:-127.0.0.1:29092}") ;;
  perf-consume) class=org.apache.kafka.tools.ConsumerPerformance ;;
  *) die "$(sed -n 4p "$0" | cut -c3-)" 64 ;;
esac
shift
exec java -Xmx512m -Dlog4j2.configurationFile="$HERE/kafka/tools-log4j2.yaml" -cp "$SERVERS/kafka/libs/*" "$class" "${address[@]}" "$@"
