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
  libabsl-dev libeigen3-dev prometheus-cpp-dev libcivetweb-dev libsqlite3-dev
  libjemalloc-dev libssl-dev libcurl4-openssl-dev libyaml-cpp-dev nlohmann-json3-dev
  libcli11-dev libspdlog-dev
  python3 python3-pip python3-venv unzip ca-certificates)
APT_BUILD=("${APT_SERVER[@]}" libtorch-dev libopenblas-dev node-d3)
APT_TEST=(libgtest-dev libgmock-dev curl
  chromium chromium-driver fonts-dejavu-core python3-matplotlib
  openssl python3-yaml python3-jsonschema liblua5.3-0 libopentracing-c-wrapper0)
APT_DEMO=(python3-matplotlib fonts-dejavu-core)
APT_BENCH=(libbenchmark-dev)
APT_SANITIZE=(clang-16 libclang-rt-16-dev llvm-16)

usage() {
  cat <<USAGE
usage: scripts/setup.sh [server|build|test|demo|bench|sanitize]...

Installs the Debian packages, fetches the pinned artifacts and builds llama.cpp
for the named purposes (default: all of them). Does nothing that is done already.

  scripts/setup.sh            # everything
  scripts/setup.sh build      # only what compiling needs
  scripts/setup.sh server     # only what compiling the server and the command needs
USAGE
}

# Neither libtorch nor llama.cpp, data or a model.
set_up_server() {
  require_space "$ATTUNE_CACHE" 1
  ensure_apt "${APT_SERVER[@]}"
  with_cache_lock fetch_googleapis
}

main() {
  local purposes=("$@")
  case "${1:-}" in -h|--help) usage; return 0 ;; esac
  [ $# -gt 0 ] || purposes=(build test demo bench sanitize)
  if [ "${purposes[*]}" = server ]; then set_up_server; return; fi
  local packages=("${APT_BUILD[@]}") purpose
  for purpose in "${purposes[@]}"; do
    case "$purpose" in
      server|build) ;;
      test) packages+=("${APT_TEST[@]}") ;;
      demo) packages+=("${APT_DEMO[@]}") ;;
      bench) packages+=("${APT_BENCH[@]}") ;;
      sanitize) packages+=("${APT_SANITIZE[@]}") ;;
      *) usage >&2; die "unknown purpose: use server, build, test, demo, bench or sanitize" ;;
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
