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
source "$SCRIPTS/lib/docs_tools.sh"

APT_SERVER=(build-essential cmake ninja-build ccache pkg-config
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  libabsl-dev libeigen3-dev prometheus-cpp-dev libcivetweb-dev libsqlite3-dev libhiredis-dev
  libcurl4-openssl-dev libjemalloc-dev libssl-dev libyaml-cpp-dev nlohmann-json3-dev
  libcli11-dev libspdlog-dev
  python3 python3-pip python3-venv unzip ca-certificates)
APT_TRAINER=(libtorch-dev libopenblas-dev node-d3)
APT_TEST=(libgtest-dev libgmock-dev curl
  chromium chromium-driver fonts-dejavu-core python3-matplotlib
  openssl python3-yaml python3-jsonschema liblua5.3-0 libopentracing-c-wrapper0
  redis-tools)  # has redis-server's program; the package redis-server adds only a daemon
APT_DEMO=(python3-matplotlib fonts-dejavu-core)
APT_BENCH=(libbenchmark-dev)
APT_SANITIZE=(clang-16 libclang-rt-16-dev llvm-16)

usage() {
  cat <<USAGE
usage: scripts/setup.sh [build|test|demo|bench|sanitize]...
       scripts/setup.sh server|trainer...

Installs the Debian packages, fetches the pinned artifacts and builds llama.cpp
for the named purposes (default: all of the first line). Does nothing that is done
already. With server and trainer alone, only what compiling these programs needs:
no data, no model.

  scripts/setup.sh            # everything
  scripts/setup.sh build      # what compiling and the demo's training need
  scripts/setup.sh server     # what compiling the server and the command needs
USAGE
}

# set_up_programs server|trainer...: without data or a model; the server without
# libtorch and llama.cpp too.
set_up_programs() {
  local packages=("${APT_SERVER[@]}")
  [[ " $* " != *" trainer "* ]] || packages+=("${APT_TRAINER[@]}")
  require_space "$ATTUNE_CACHE" 1
  ensure_apt "${packages[@]}"
  with_cache_lock fetch_googleapis
  [[ " $* " != *" trainer "* ]] || with_cache_lock ensure_llama
}

main() {
  local purposes=("$@")
  case "${1:-}" in -h|--help) usage; return 0 ;; esac
  [ $# -gt 0 ] || purposes=(build test demo bench sanitize)
  case "${purposes[*]}" in
    server|trainer|"server trainer"|"trainer server")
      set_up_programs "${purposes[@]}"; return ;;
  esac
  local packages=("${APT_SERVER[@]}" "${APT_TRAINER[@]}") purpose
  for purpose in "${purposes[@]}"; do
    case "$purpose" in
      build|server|trainer) ;;
      test) packages+=("${APT_TEST[@]}") ;;
      demo) packages+=("${APT_DEMO[@]}") ;;
      bench) packages+=("${APT_BENCH[@]}") ;;
      sanitize) packages+=("${APT_SANITIZE[@]}") ;;
      *) usage >&2
        die "unknown purpose: use build, test, demo, bench, sanitize, server or trainer" ;;
    esac
  done
  require_space "$ATTUNE_CACHE" 3
  ensure_apt "${packages[@]}"
  with_cache_lock fetch_artifacts
  case " ${purposes[*]} " in
    *" test "*)
      with_cache_lock ensure_llama_server
      with_cache_lock ensure_deploy_tools
      with_cache_lock ensure_python_client
      with_cache_lock ensure_docs_tools ;;
  esac
}

main "$@"
