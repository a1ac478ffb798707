#!/usr/bin/env bash
# Installs and fetches what Attune needs. Run by the other scripts;
# running it again does only what is missing. Safe to interrupt: every step ends
# in one rename.
#
#   ATTUNE_CACHE   where downloads, llama.cpp, data and models are kept
#                  (default: ~/.cache/attune)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/artifacts.sh"
source "$SCRIPTS/lib/deploy_tools.sh"

APT_BUILD=(build-essential cmake ninja-build ccache pkg-config
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  libabsl-dev libeigen3-dev prometheus-cpp-dev libsqlite3-dev libhiredis-dev
  libjemalloc-dev
  libcurl4-openssl-dev libssl-dev libyaml-cpp-dev nlohmann-json3-dev
  libcli11-dev libspdlog-dev libtorch-dev libopenblas-dev node-d3
  python3 python3-pip python3-venv unzip ca-certificates)
APT_TEST=(libgtest-dev libgmock-dev curl
  openssl python3-yaml python3-jsonschema liblua5.3-0 libopentracing-c-wrapper0
  redis-tools)  # has redis-server's program; the package redis-server adds only a daemon
APT_DEMO=(python3-matplotlib fonts-dejavu-core)
APT_BENCH=(libbenchmark-dev)
APT_SANITIZE=(clang-16 libclang-rt-16-dev llvm-16)

usage() {
  cat <<USAGE
usage: scripts/setup.sh [build|test|demo|bench|sanitize]...

Installs the Debian packages, fetches the pinned artifacts and builds llama.cpp
for the named purposes (default: all of them). Does nothing that is done already.

  scripts/setup.sh            # everything
  scripts/setup.sh build      # only what compiling needs
USAGE
}

main() {
  local purposes=("$@")
  case "${1:-}" in -h|--help) usage; return 0 ;; esac
  [ $# -gt 0 ] || purposes=(build test demo bench sanitize)
  local packages=("${APT_BUILD[@]}") purpose
  for purpose in "${purposes[@]}"; do
    case "$purpose" in
      build) ;;
      test) packages+=("${APT_TEST[@]}") ;;
      demo) packages+=("${APT_DEMO[@]}") ;;
      bench) packages+=("${APT_BENCH[@]}") ;;
      sanitize) packages+=("${APT_SANITIZE[@]}") ;;
      *) usage >&2; die "unknown purpose: use build, test, demo, bench or sanitize" ;;
    esac
  done
  require_space "$ATTUNE_CACHE" 3
  ensure_apt "${packages[@]}"
  with_cache_lock fetch_artifacts
  case " ${purposes[*]} " in
    *" test "*)
      with_cache_lock ensure_llama_server
      with_cache_lock ensure_deploy_tools
      with_cache_lock ensure_python_client ;;
  esac
}

main "$@"
