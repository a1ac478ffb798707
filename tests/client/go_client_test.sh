#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Generates the Go client as docs/go.md says, builds client/go_example with it and
# runs it with the real server. Builds the pinned generators from the Go module proxy
# when they are not cached; exits 77 (skipped) where there is no Go that can.
#
# usage: go_client_test.sh SOURCE_DIR CACHE_DIR GOOGLEAPIS_DIR SERVER
set -euo pipefail
source_dir=$1 cache=$2 googleapis=$3 server=$4
GENERATORS=(google.golang.org/protobuf/cmd/protoc-gen-go@v1.33.0
  google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.3.0)
tools=$cache/go-client-1.33.0-1.3.0
export GOTOOLCHAIN=local GOFLAGS="-mod=readonly -buildvcs=false -p=2"

work=$(mktemp -d)
server_pid=
cleanup() {
  if [[ -n $server_pid ]]; then kill "$server_pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
expect() {
  grep -q "^$1" "$2" || { cat "$2" >&2; fail "no line begins with '$1'"; }
}

if [[ ! -x $tools/protoc-gen-go-grpc ]]; then
  command -v go >/dev/null || { echo "skipped: no go"; exit 77; }
  for generator in "${GENERATORS[@]}"; do
    GOBIN="$work/tools" go install "$generator" >"$work/log" 2>&1 ||
      { tail -n 3 "$work/log"; echo "skipped: this go cannot build the generators"; exit 77; }
  done
  mkdir -p "$tools"
  mv "$work"/tools/* "$tools"
fi
command -v go >/dev/null || { echo "skipped: no go"; exit 77; }

echo "== the page's own commands generate and build"
cp -r "$source_dir/client/go_example" "$work/go_example"
python3 - "$source_dir/docs/go.md" >"$work/commands.sh" <<'PYTHON'
import re, sys
blocks = re.findall(r"<!-- tested -->\n```sh\n(.*?)```", open(sys.argv[1]).read(), re.S)
assert len(blocks) == 1, "docs/go.md must have one block of commands"
print(blocks[0])
PYTHON
(cd "$work/go_example" && PATH="$PATH:$tools" PROTO=$source_dir/proto \
  GOOGLEAPIS=$googleapis bash -euo pipefail "$work/commands.sh") >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2; fail "the commands of docs/go.md"; }
cd "$work/go_example"
[[ -z $(gofmt -l main.go) ]] || fail "main.go is not as gofmt writes it"
go vet . || fail "go vet"

echo "== run with a server"
# The server prints its ports as one line of JSON once it listens.
exec {ports}< <(exec "$server" --data_listen 127.0.0.1:0 \
  --control_listen 127.0.0.1:0 --metrics_listen 127.0.0.1:0 \
  --revision_dir "$work/revisions" --catalog "$source_dir/policy/catalogs/movies.yaml" \
  2>"$work/server.log")
server_pid=$!
read -r -t 60 line <&"$ports" || { cat "$work/server.log" >&2; fail "no server"; }
port=$(python3 -c 'import json, sys
print(json.loads(sys.argv[1])["data_port"])' "$line")
./go_example "127.0.0.1:$port" >"$work/out" || { cat "$work/out" >&2; fail "go_example"; }
cat "$work/out"
expect "revision: uniform-" "$work/out"
expect "to the LLM: " "$work/out"
expect "[ABC]\. The Lion King (1994)$" "$work/out"
expect "ranking: [0-9]* [0-9]* [0-9]*$" "$work/out"
expect "reward: 1$" "$work/out"
expect "a forged token: Unauthenticated TOKEN_NOT_OURS" "$work/out"
echo "go_client_test: passed"
