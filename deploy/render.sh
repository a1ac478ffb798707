#!/usr/bin/env bash
# Renders the chart's kustomize base, deploy/kustomize/base/attune.yaml.
#
# usage: deploy/render.sh [--check]     --check fails where it is not up to date
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="${ATTUNE_CACHE:-${HOME:-/root}/.cache/attune}"
BASE="$ROOT/deploy/kustomize/base/attune.yaml"

helm=$(compgen -G "$CACHE/helm-*/helm" | sort | tail -n 1) || true
[ -n "$helm" ] || helm=$(command -v helm) || { echo "no helm: scripts/setup.sh test builds it" >&2; exit 1; }

# The keys' secret is the overlay's: a rendered one would be the same for everybody.
render() {
  cat <<'TEXT'
# Made by deploy/render.sh from the chart's defaults; do not edit. It wants a secret `attune-keys` (docs/kubernetes.md).
TEXT
  "$helm" template attune "$ROOT/deploy/helm/attune" --kube-version 1.36.0 --set keys.existingSecret=attune-keys |
    sed -e '/^# Source: /d' -e 's#managed-by: Helm#managed-by: kustomize#' -e '/helm.sh\/chart:/d'
}

case "${1:-}" in
  "") render >"$BASE.tmp" && mv "$BASE.tmp" "$BASE" ;;
  --check) render | diff -u "$BASE" - || { echo "run deploy/render.sh" >&2; exit 1; } ;;
  *) echo "usage: deploy/render.sh [--check]" >&2; exit 2 ;;
esac
