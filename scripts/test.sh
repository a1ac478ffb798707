#!/usr/bin/env bash
# Builds everything and runs every test; without arguments also the core's tests
# under sanitizers and each fuzz target for a while. Enough on a bare Debian 12
# machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

case "${1:-}" in -h|--help)
  cat <<'USAGE'
usage: scripts/test.sh [CTEST ARGUMENT...]

  scripts/test.sh                 # all tests, scripts/sanitize.sh, scripts/fuzz.sh
  scripts/test.sh -L unit         # unit tests only
  scripts/test.sh -R policy_test  # one test program

ATTUNE_FUZZ_SECONDS is how long each fuzz target runs (60).
USAGE
  exit 0 ;;
esac

"$SCRIPTS/setup.sh" build test
build_release all
cd "$ROOT"
# A skipped integration test would hide a broken set-up.
export ATTUNE_REQUIRE_INTEGRATION=1
ctest --preset all "$@"
[ $# -eq 0 ] || exit 0
"$SCRIPTS/sanitize.sh"
# The same inputs in each run, so that a failure is a change's.
ATTUNE_FUZZ_SEED="${ATTUNE_FUZZ_SEED:-1}" "$SCRIPTS/fuzz.sh" \
  --seconds "${ATTUNE_FUZZ_SECONDS:-60}"
