#!/usr/bin/env bash
# Tests what is in deploy/: chart, alerts, dashboard, compose file, and a real run on this
# machine. The images have a test of their own (tests/deploy/image_test.sh).
#
# usage: deploy/test.sh [--plot] [BUILD_DIR]      default: build/release
#
# Leaves BUILD_DIR/deploy/queries.txt: every panel's and alert's query and what it
# returned. With --plot the real run takes 80 s longer and leaves
# BUILD_DIR/deploy/dashboard.png: every panel drawn, to be looked at. Tools come from
# `scripts/setup.sh test`; without them it exits 77 (skipped), or 1 with
# ATTUNE_REQUIRE_INTEGRATION=1; without a Go that builds Helm always 77.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export ATTUNE_CACHE="${ATTUNE_CACHE:-${HOME:-/root}/.cache/attune}"
# Debian's, which has Debian's python3-yaml and python3-jsonschema.
PYTHON=/usr/bin/python3
PROMTOOL="$ATTUNE_CACHE/prometheus/usr/bin/promtool"

say() { printf '==> %s\n' "$*"; }

cannot() {
  echo "cannot run: $*; scripts/setup.sh test fetches it" >&2
  [ "${ATTUNE_REQUIRE_INTEGRATION:-0}" = 0 ] && exit 77
  exit 1
}

main() {
  case "${1:-}" in -h|--help) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; return 0 ;; esac
  if [ "${1:-}" = --plot ]; then
    shift
    export ATTUNE_PLOT=1
    "$PYTHON" -c 'import matplotlib' 2>/dev/null || cannot "no python3-matplotlib"
  fi
  local build="${1:-$ROOT/build/release}" program
  # Debian 12's own Go is too old to build it: then there is nothing to mend.
  compgen -G "$ATTUNE_CACHE/helm-*/helm" >/dev/null || { echo "skipped: no Helm"; exit 77; }
  [ -d "$ATTUNE_CACHE/kubernetes-schemas" ] || cannot "no schemas of Kubernetes"
  compgen -G "$ATTUNE_CACHE/compose-spec-*/compose-spec" >/dev/null || cannot "no reader of compose files"
  [ -x "$PROMTOOL" ] || cannot "no Prometheus"
  [ -x "$ATTUNE_CACHE/haproxy/usr/sbin/haproxy" ] || cannot "no HAProxy"
  "$PYTHON" -c 'import jsonschema, yaml' 2>/dev/null || cannot "no python3-yaml or python3-jsonschema"
  for program in server/attune_server client/attune trainer/attune_trainer; do
    [ -x "$build/$program" ] || cannot "$program is not built in $build"
  done
  cd "$ROOT"
  say "dashboard and alerts"
  "$PYTHON" deploy/grafana/dashboard.py --check deploy/grafana/attune.json
  "$PROMTOOL" check rules deploy/prometheus/attune.rules.yaml
  # Rule files are named relative to the tests'.
  (cd deploy/prometheus && "$PROMTOOL" test rules attune.rules.test.yaml)
  say "chart"
  "$PYTHON" tests/deploy/chart_test.py
  say "compose file"
  "$PYTHON" tests/deploy/compose_test.py "$build"
  say "real run"
  "$PYTHON" tests/deploy/run_test.py "$build"
}

main "$@"
