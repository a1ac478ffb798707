#!/usr/bin/env bash
# Renders the Helm chart to standard output: what `helm install` would create. No
# cluster is needed, and Helm is built if there is none.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/deploy_tools.sh"

usage() {
  cat <<'USAGE'
usage: scripts/render.sh [HELM ARGUMENT...]

  scripts/render.sh >attune.yaml
  scripts/render.sh --namespace shop --values deploy/helm/attune/ci/ha-values.yaml
  scripts/render.sh --set image.repository=registry.example/attune-server | kubectl apply -f -
USAGE
}

main() {
  case "${1:-}" in -h|--help) usage; return 0 ;; esac
  local helm rendered
  if ! helm=$(command -v helm); then
    with_cache_lock ensure_helm
    helm="$ATTUNE_CACHE/helm-$HELM_VERSION/helm"
    [ -x "$helm" ] || die "no helm, and none could be built"
  fi
  rendered=$("$helm" template attune "$ROOT/deploy/helm/attune" "$@")
  printf '%s\n' "$rendered"
  say "$(grep -c '^kind: ' <<<"$rendered") objects: $(grep '^kind: ' <<<"$rendered" |
    cut -d' ' -f2 | sort | uniq -c | awk '{ printf "%s%s", sep, $2 ($1 > 1 ? " x" $1 : ""); sep = ", " }')"
}

main "$@"
