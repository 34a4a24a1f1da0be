# Shared by the scripts of this folder; to be sourced.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The one folder for everything that tests fetch, build or write. mongod runs as nobody when we are root,
# so root gets a folder that everybody can reach; a closed home folder would not do.
if [ -n "${LONGSHORE_CACHE:-}" ]; then
  mkdir -p "$LONGSHORE_CACHE"
  LONGSHORE_CACHE=$(cd "$LONGSHORE_CACHE" && pwd)
elif mkdir -p /var/cache/longshore 2>/dev/null && [ -w /var/cache/longshore ]; then
  LONGSHORE_CACHE=/var/cache/longshore
else
  LONGSHORE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/longshore
  mkdir -p "$LONGSHORE_CACHE"
fi
export LONGSHORE_CACHE
SERVERS=$LONGSHORE_CACHE/servers
RUN=${RUN:-$SERVERS/run}
LOG=${LOG:-$SERVERS/log}

# "The service is not available" of sysexits.h: the server is not installed or cannot run here.
EX_UNAVAILABLE=69

say() { echo "$*" >&2; }
die() { say "$1"; exit "${2:-1}"; }

# complete KAFKA|CONNECT|MONGO|REGISTRY|CLICKHOUSE|S3: whether every file of that server is there with its checksum.
complete() {
  case $1 in
    kafka | connect) [ -d "$SERVERS/kafka" ] && (cd "$SERVERS/kafka" && sha256sum --check --status "$HERE/kafka/$1.sha256" 2>/dev/null) ;;
    registry) [ -d "$SERVERS/registry" ] && (cd "$SERVERS/registry" && sha256sum --check --status "$HERE/registry/registry.sha256" 2>/dev/null) ;;
    clickhouse) [ -d "$SERVERS/clickhouse" ] && (cd "$SERVERS/clickhouse" && sha256sum --check --status "$HERE/clickhouse/clickhouse.sha256" 2>/dev/null) ;;
    s3) [ -d "$SERVERS/s3" ] && (cd "$SERVERS/s3" && sha256sum --check --status "$HERE/s3/s3.sha256" 2>/dev/null) ;;
    mongo) [ -d "$SERVERS/mongo" ] && (cd "$SERVERS/mongo" && sha256sum --check --status "$HERE/mongo/mongo.sha256" 2>/dev/null) ;;
    *) die "no such server: $1" 64 ;;
  esac
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Refuses a port in use: whoever listens there would look like our server being ready.
need_port() { if listening "$1"; then die "port $1 is in use"; fi; }

# A port nobody listens on, outside the range from which the kernel gives ports to clients.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 12000))
    if ! listening "$port"; then echo "$port"; return; fi
  done
  die "no free port between 20000 and 32000"
}

# guard: when OWNER_PID is set, the server ends soon after that process has, even if that was killed.
# To be called before `exec`, which keeps the process id. EPHEMERAL=1 removes DATA too.
guard() {
  [ -n "${OWNER_PID:-}" ] || return 0
  local server=$$
  (
    while kill -0 "$OWNER_PID" 2>/dev/null && kill -0 "$server" 2>/dev/null; do sleep 1; done
    if kill -0 "$OWNER_PID" 2>/dev/null; then exit 0; fi
    kill -KILL "$server" 2>/dev/null || true
    if [ "${EPHEMERAL:-0}" = 1 ]; then rm -rf "$DATA"; fi
  ) </dev/null >/dev/null 2>&1 &
}
