#!/usr/bin/env bash
# Checks that the programs are there which building the project, or installing and running a test server,
# needs. On Debian and Ubuntu, root gets them by apt-get; anybody else is told what is missing.
#
# usage: requirements.sh [build] [SERVER...] [SERVER-run...]     (kafka, connect, mongo, registry, clickhouse, s3)
#   build: the project; SERVER: installing and running it; SERVER-run: running it only
set -euo pipefail
. "$(dirname "$0")/lib.sh"

java_is_17() {
  local major
  major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${major:-0}" -ge 17 ]
}
has() { command -v "$1" >/dev/null; }
has_perl_modules() { perl -MFindBin -MIPC::Cmd -MFile::Compare -MFile::Copy -e 1 2>/dev/null; }
has_libcurl() { ldconfig -p 2>/dev/null | grep -q 'libcurl\.so\.4'; }

packages=() missing=()
need() { # PACKAGE WHAT TEST...
  local package=$1 what=$2
  shift 2
  if ! "$@"; then packages+=("$package") missing+=("$what"); fi
}

check() {
  packages=() missing=()
  local for_what
  for for_what in "$@"; do
    case $for_what in
      build)
        need build-essential 'a C and C++ compiler' has c++
        need build-essential 'a C compiler' has cc
        need build-essential make has make
        need perl "perl with its standard modules (builds OpenSSL)" has_perl_modules
        ;;
      kafka | connect | registry)
        need default-jre-headless 'Java 17 or newer' java_is_17
        need maven 'Maven (mvn)' has mvn
        ;;
      kafka-run | connect-run | registry-run) need default-jre-headless 'Java 17 or newer' java_is_17 ;;
      mongo)
        need npm npm has npm
        need python3-pip 'Python 3 with pip' python3 -m pip --version
        need libcurl4 'libcurl 4' has_libcurl
        ;;
      clickhouse)
        need python3-pip 'Python 3 with pip' python3 -m pip --version
        ;;
      clickhouse-run) ;;
      s3) need python3-pip 'Python 3 with pip' python3 -m pip --version ;;
      s3-run) ;;
      mongo-run)
        need python3 'Python 3' has python3
        need libcurl4 'libcurl 4' has_libcurl
        ;;
      *) die "no such need: $for_what" 64 ;;
    esac
  done >/dev/null 2>&1
}

check "$@"
[ ${#packages[@]} -eq 0 ] && exit 0
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
if has apt-get && [ "$(id -u)" = 0 ]; then
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  exec 8>/tmp/longshore-apt.lock
  flock 8
  apt-get update -qq >&2 </dev/null
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null </dev/null
  check "$@"
fi
if [ ${#missing[@]} -gt 0 ]; then
  say "missing for $*:"
  printf '  %s\n' "${missing[@]}" >&2
  say "on Debian or Ubuntu: apt-get install --no-install-recommends ${packages[*]}"
  exit "$EX_UNAVAILABLE"
fi
