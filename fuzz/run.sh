#!/usr/bin/env bash
# Fuzzes each target for a while, beginning with the seeds and what earlier runs found worth keeping.
#
# usage: fuzz/run.sh [SECONDS] [TARGET]...      60 seconds each, all targets
#
# Needs a nightly compiler and cargo-fuzz (`cargo install cargo-fuzz --locked`). An input that breaks something is left in
# fuzz/artifacts/TARGET, and the script ends with an error.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
targets=("$@")
if [ "${#targets[@]}" = 0 ]; then mapfile -t targets < <(cargo +nightly fuzz list); fi

# The code is free of unsafe but for the room around librdkafka, so no sanitizer is needed; what counts are panics,
# overflows, endless loops, memory without bounds, and the stack: a worker's threads have 2 MiB.
ulimit -s 2048
for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target"
  cargo +nightly fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -max_len=8192 -print_final_stats=0
done
