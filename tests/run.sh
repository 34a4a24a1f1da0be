#!/usr/bin/env bash
# Runs everything that must hold before a change is good. Needs a Rust toolchain; the rest it gets by itself.
#
# usage: tests/run.sh              formatting, lints, house rules, documentation, every test
#        tests/run.sh WORDS...     only the tests; the words go to `cargo test --workspace`
#
# LONGSHORE_CACHE         folder for servers and build results, outside the clone (chosen in tests/servers/lib.sh)
# LONGSHORE_TEST_KAFKA    HOST:PORT of a Kafka broker to use, and
# LONGSHORE_TEST_MONGODB  URI of a MongoDB replica set to use, instead of installing one
# LONGSHORE_TEST_REGISTRY URL of a schema registry with Confluent's API to use, instead of installing one
# LONGSHORE_TEST_CLICKHOUSE URL of a ClickHouse with KeeperMap to use, instead of installing one
# LONGSHORE_TEST_S3       URL of a server with the API of S3 to use (keys: tests/servers/s3-run.sh), instead of installing one
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/servers/lib.sh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$LONGSHORE_CACHE/target}
# A test that needs a server and has none fails: nothing is passed over in silence.
export LONGSHORE_TEST_SERVERS=required
# One stream, so that a log keeps the order of things.
exec </dev/null 2>&1

step() { # WHAT COMMAND...
  local what=$1 start=$SECONDS
  shift
  say ""
  say "== $what: $*"
  "$@"
  say "== $what: done in $((SECONDS - start)) s"
}

check_toolchain() {
  command -v cargo >/dev/null || die "a Rust toolchain is needed (cargo is not on the path)" "$EX_UNAVAILABLE"
  local tool
  for tool in fmt clippy; do
    cargo "$tool" --version >/dev/null 2>&1 && continue
    command -v rustup >/dev/null || die "cargo $tool is missing, and there is no rustup to add it" "$EX_UNAVAILABLE"
    rustup component add "${tool/fmt/rustfmt}"
  done
}

# Kafka Connect takes over from Longshore in a test, so Kafka's own programs are needed beside any broker.
servers=(kafka connect)
[ -n "${LONGSHORE_TEST_MONGODB:-}" ] || servers+=(mongo)
[ -n "${LONGSHORE_TEST_REGISTRY:-}" ] || servers+=(registry)
[ -n "${LONGSHORE_TEST_CLICKHOUSE:-}" ] || servers+=(clickhouse)
[ -n "${LONGSHORE_TEST_S3:-}" ] || servers+=(s3)
wanted=()
for server in "${servers[@]}"; do
  complete "$server" || wanted+=("$server")
done

step "toolchain" check_toolchain
step "requirements" tests/servers/requirements.sh build "${servers[@]/%/-run}" "${wanted[@]}"
installer=
if [ ${#wanted[@]} -gt 0 ]; then
  say "== servers: fetching ${wanted[*]} in the background"
  tests/servers/install.sh "${wanted[@]}" &
  installer=$!
  trap 'kill "$installer" 2>/dev/null || true' EXIT
fi

if [ $# -eq 0 ]; then
  step "formatting" cargo fmt --all --check
  step "house rules" tests/tidy.sh
  step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
  RUSTDOCFLAGS="-D warnings" step "documentation" cargo doc --workspace --no-deps --locked
fi
step "compiling the tests" cargo test --workspace --locked --no-run
if [ -n "$installer" ]; then
  step "servers" wait "$installer"
  trap - EXIT
fi
step "tests" cargo test --workspace --locked "$@"
say ""
say "all good, after $SECONDS s"
