#!/usr/bin/env bash
# Runs `buf lint` (STANDARD and COMMENTS, see buf.yaml) on proto/. Builds the pinned
# buf from the Go module proxy when it is not cached; exits 77 (skipped) where there
# is no Go that can.
#
# usage: tools/lint_proto.sh GOOGLEAPIS_DIR
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
GOOGLEAPIS="${1:?usage: tools/lint_proto.sh GOOGLEAPIS_DIR}"
BUF_VERSION=v1.75.0
CACHE="${ATTUNE_CACHE:-${HOME:-/root}/.cache/attune}"
BUF="$CACHE/buf-$BUF_VERSION/buf"

if [ ! -x "$BUF" ]; then
  command -v go >/dev/null || { echo "skipped: no go to build buf with"; exit 77; }
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
  GOBIN="$work" GOTOOLCHAIN=local go install "github.com/bufbuild/buf/cmd/buf@$BUF_VERSION" \
    >"$work/log" 2>&1 || { tail -n 3 "$work/log"; echo "skipped: this go cannot build buf"; exit 77; }
  mkdir -p "$(dirname "$BUF")" && mv "$work/buf" "$BUF"
fi

# google.rpc comes from the Python index, so the workspace is put together here.
workspace=$(mktemp -d); trap 'rm -rf "$workspace"' EXIT
cp -r "$ROOT/proto" "$workspace/proto"
cp -r "$GOOGLEAPIS" "$workspace/googleapis"
sed 's#  - path: proto#&\n  - path: googleapis#' "$ROOT/buf.yaml" >"$workspace/buf.yaml"
cd "$workspace"
"$BUF" lint proto
"$BUF" format --diff --exit-code proto
echo "proto/ is clean"
