#!/usr/bin/env bash
# Builds everything and runs every test. Enough on a bare Debian 12 machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

case "${1:-}" in -h|--help)
  cat <<'USAGE'
usage: scripts/test.sh [CTEST ARGUMENT...]

  scripts/test.sh                 # all tests
  scripts/test.sh -L unit         # unit tests only
  scripts/test.sh -R policy_test  # one test program
USAGE
  exit 0 ;;
esac

"$SCRIPTS/setup.sh" build test
build_release all
cd "$ROOT"
# A skipped integration test would hide a broken set-up.
export ATTUNE_REQUIRE_INTEGRATION=1
exec ctest --preset all "$@"
