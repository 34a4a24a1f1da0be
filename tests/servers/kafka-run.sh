#!/usr/bin/env bash
# Runs Apache Kafka, one KRaft node (broker and controller) on loopback, in the foreground: this process
# becomes the server. Ready when its output says "Kafka Server started", or when it answers metadata.
#
# usage: kafka-run.sh [--fresh]                --fresh forgets what was stored before
#   PORT             29092
#   CONTROLLER_PORT  a free one, kept with the data
#   ADVERTISED       127.0.0.1:PORT; the address that clients are told, for instance a proxy's
#   SECURE_PORT      none; a second listener, with SASL_SSL: clients need a certificate and log in as alice with
#                    alice-secret, by PLAIN or SCRAM-SHA-512
#   KEYSTORE         its JKS or PKCS12 store of a key, which is also what it trusts; STORE_PASSWORD and KEY_PASSWORD
#   OAUTH_PORT       none; a further listener, with SASL_PLAINTEXT: clients log in by OAUTHBEARER
#   OAUTH_JWKS       a file of the keys with which tokens are signed, for the audience "kafka"; without it tokens are not
#                    signed and need the scope "kafka"
#   OAUTH_REAUTH_MS  how long a login lasts at most; 0, for as long as the connection, if not set
#   DATA             folder of this instance      ($LONGSHORE_CACHE/servers/data/kafka)
#   KAFKA_PROPS      a file of further broker properties
#   KAFKA_HEAP       512m
#   KAFKA_JVM        JVM options; the default starts fast, "-XX:+UseG1GC" is for benchmarks
#   OWNER_PID        ends with that process; EPHEMERAL=1 then removes DATA
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PORT=${PORT:-29092}
DATA=${DATA:-$SERVERS/data/kafka}
LIBS=$SERVERS/kafka/libs
[ -d "$LIBS" ] || die "Kafka is not installed: run $HERE/install.sh kafka" "$EX_UNAVAILABLE"
need_port "$PORT"
[ "${1:-}" = --fresh ] && rm -rf "$DATA"
mkdir -p "$DATA"
if [ ! -f "$DATA/controller.port" ] || [ -n "${CONTROLLER_PORT:-}" ]; then
  echo "${CONTROLLER_PORT:-$(free_port)}" >"$DATA/controller.port"
fi
CONTROLLER_PORT=$(cat "$DATA/controller.port")

cat >"$DATA/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$CONTROLLER_PORT
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://${ADVERTISED:-127.0.0.1:$PORT},CONTROLLER://127.0.0.1:$CONTROLLER_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$DATA/log
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=true
P
scram=()
if [ -n "${SECURE_PORT:-}" ]; then
  need_port "$SECURE_PORT"
  scram=(--add-scram 'SCRAM-SHA-512=[name=alice,password=alice-secret]')
  module=org.apache.kafka.common.security
  cat >>"$DATA/server.properties" <<P
listeners=PLAINTEXT://127.0.0.1:$PORT,SECURE://127.0.0.1:$SECURE_PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,SECURE://localhost:$SECURE_PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=$module.plain.PlainLoginModule required user_alice="alice-secret";
listener.name.secure.scram-sha-512.sasl.jaas.config=$module.scram.ScramLoginModule required;
listener.name.secure.ssl.client.auth=required
listener.name.secure.ssl.keystore.location=$KEYSTORE
listener.name.secure.ssl.keystore.password=$STORE_PASSWORD
listener.name.secure.ssl.key.password=$KEY_PASSWORD
listener.name.secure.ssl.truststore.location=$KEYSTORE
listener.name.secure.ssl.truststore.password=$STORE_PASSWORD
P
fi
if [ -n "${OAUTH_PORT:-}" ]; then
  need_port "$OAUTH_PORT"
  module=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule
  cat >>"$DATA/server.properties" <<P
listeners=PLAINTEXT://127.0.0.1:$PORT,OAUTH://127.0.0.1:$OAUTH_PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,OAUTH://127.0.0.1:$OAUTH_PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OAUTH:SASL_PLAINTEXT
listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.oauth.oauthbearer.connections.max.reauth.ms=${OAUTH_REAUTH_MS:-0}
P
  if [ -n "${OAUTH_JWKS:-}" ]; then
    export KAFKA_JVM="${KAFKA_JVM:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC} -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://$OAUTH_JWKS -Dorg.apache.kafka.sasl.oauthbearer.allowed.files=$OAUTH_JWKS"
    cat >>"$DATA/server.properties" <<P
listener.name.oauth.oauthbearer.sasl.jaas.config=$module required;
listener.name.oauth.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.oauth.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=file://$OAUTH_JWKS
listener.name.oauth.oauthbearer.sasl.oauthbearer.expected.audience=kafka
sasl.oauthbearer.jwks.endpoint.url=file://$OAUTH_JWKS
sasl.oauthbearer.expected.audience=kafka
P
  else
    echo "listener.name.oauth.oauthbearer.sasl.jaas.config=$module required unsecuredLoginStringClaim_sub=\"broker\" unsecuredValidatorRequiredScope=\"kafka\";" >>"$DATA/server.properties"
  fi
fi
if [ -n "${KAFKA_PROPS:-}" ]; then cat "$KAFKA_PROPS" >>"$DATA/server.properties"; fi

if [ ! -f "$DATA/log/meta.properties" ]; then
  java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile="$HERE/kafka/tools-log4j2.yaml" \
    -cp "$LIBS/*" kafka.tools.StorageTool format --standalone -t bG9uZ3Nob3JlLXRlc3RzMA -c "$DATA/server.properties" "${scram[@]}"
fi
guard
# shellcheck disable=SC2086  # several options in one variable
exec java "-Xms${KAFKA_HEAP:-512m}" "-Xmx${KAFKA_HEAP:-512m}" ${KAFKA_JVM:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC} \
  -Djava.awt.headless=true -Dkafka.logs.dir="$DATA" -Dlog4j2.configurationFile="$HERE/kafka/log4j2.yaml" \
  -cp "$LIBS/*" kafka.Kafka "$DATA/server.properties"
