#!/usr/bin/env bash
# Builds and runs tests under sanitizers. Enough on a bare Debian 12 machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/sanitize.sh"

usage() {
  cat <<'USAGE'
usage: scripts/sanitize.sh [--all] [address|thread]...

Runs the tests of what needs no gRPC (policy/, redis/, tracing/ and the core of
server/) under the address and undefined-behaviour sanitizers and under the
thread sanitizer, without a suppression.

  scripts/sanitize.sh           # both
  scripts/sanitize.sh thread    # one of them
  scripts/sanitize.sh --all     # address also for the tests of server/ and client/
                                # that go through gRPC (half an hour on 2 cores)

The thread sanitizer stays with the core: Debian's libgrpc++ is not instrumented,
so every hand-over between its threads would be reported.
USAGE
}

CORE_TESTS=(redis_test server_core_test server_log_test tracing_test)
GRPC_TESTS=(server_test server_traffic_test server_hostile_test
  server_malformed_test server_tls_test server_redis_test client_test
  client_with_server_test)

# run_tests PRESET TEST...
run_tests() {
  local preset="$1" test failed=()
  shift
  for test in "$@"; do
    say "$preset: $test"
    "$ROOT/build/$preset/tests/${test%%_*}/$test" --gtest_brief=1 || failed+=("$test")
  done
  [ ${#failed[@]} -eq 0 ] || die "under preset $preset failed: ${failed[*]}"
}

main() {
  local all=false kinds=() kind
  for kind in "$@"; do
    case "$kind" in
      -h|--help) usage; return 0 ;;
      --all) all=true ;;
      address|thread) kinds+=("$kind") ;;
      *) usage >&2; die "unknown argument '$kind'" ;;
    esac
  done
  [ ${#kinds[@]} -gt 0 ] || kinds=(address thread)
  # A slow build is not what these limits are about.
  export ATTUNE_LONGEST_PUSH_MS="${ATTUNE_LONGEST_PUSH_MS:-30000}"
  for kind in "${kinds[@]}"; do
    if [ "$kind" = thread ]; then
      build_sanitized tsan "${CORE_TESTS[@]}"
      run_tests tsan "${CORE_TESTS[@]}"
    else
      build_sanitized fuzz policy_test "${CORE_TESTS[@]}"
      run_tests fuzz policy_test "${CORE_TESTS[@]}"
      if "$all"; then
        build_sanitized fuzz "${GRPC_TESTS[@]}"
        # Debian's c-ares forgets ten bytes whenever it resolves "localhost"
        # (c-ares issue 439, mended in 1.19), which LeakSanitizer reports.
        export GRPC_DNS_RESOLVER=native
        run_tests fuzz "${GRPC_TESTS[@]}"
      fi
    fi
  done
}

main "$@"
