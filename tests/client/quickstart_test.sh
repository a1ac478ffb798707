#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the SDK to a prefix of its own, builds the quickstart against it and
# runs it with a server and without one.
#
# usage: quickstart_test.sh SOURCE_DIR BUILD_DIR SERVER_BINARY [CMAKE ARGUMENT...]
set -euo pipefail
source_dir=$1 build_dir=$2 server=$3
shift 3

work=$(mktemp -d)
server_pid=
cleanup() {
  if [[ -n $server_pid ]]; then kill "$server_pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }

# expect TEXT FILE: the file has a line that begins so.
expect() {
  grep -q "^$1" "$2" || { cat "$2" >&2; fail "no line begins with '$1'"; }
}

echo "== the README shows the quickstart's own lines"
python3 - "$source_dir" <<'PYTHON'
import pathlib, re, sys
root = pathlib.Path(sys.argv[1])
code = (root / "client/quickstart/quickstart.cc").read_text().splitlines()
shown = re.findall(r"```cpp\n(.*?)```", (root / "README.md").read_text(), re.S)
assert shown, "no C++ in README.md"
for line in "".join(shown).splitlines():
    assert line in code, f"not in quickstart.cc: {line}"
PYTHON

echo "== install"
cmake --install "$build_dir" --prefix "$work/prefix" --component sdk >/dev/null
for path in bin/attune include/attune/client/prompt_client.h \
    include/attune/attune/v1/prompt_service.pb.h share/attune/proto; do
  [[ -e $work/prefix/$path ]] || fail "$path is not installed"
done
ls "$work"/prefix/share/attune/catalogs/*.yaml >/dev/null || fail "no catalogs"

echo "== build the quickstart"
cmake -S "$source_dir/client/quickstart" -B "$work/build" \
  -DCMAKE_PREFIX_PATH="$work/prefix" "$@" >"$work/configure.log" 2>&1 ||
  { cat "$work/configure.log" >&2; fail "configure"; }
cmake --build "$work/build" >"$work/build.log" 2>&1 ||
  { cat "$work/build.log" >&2; fail "build"; }
if grep -q "$source_dir" "$work"/prefix/lib*/cmake/attune/*.cmake \
    "$work"/prefix/lib*/*/cmake/attune/*.cmake 2>/dev/null; then
  fail "the package refers to the source tree"
fi

echo "== run with a server"
# The server prints its ports as one line of JSON once it listens.
exec {ports}< <(exec "$server" --data_listen 127.0.0.1:0 \
  --control_listen 127.0.0.1:0 --metrics_listen 127.0.0.1:0 \
  --revision_dir "$work/revisions" \
  --catalog "$work/prefix/share/attune/catalogs/movies.yaml" \
  2>"$work/server.log")
server_pid=$!
read -r -t 60 line <&"$ports" || { cat "$work/server.log" >&2; fail "no server"; }
port_of() { python3 -c 'import json, sys
print(json.loads(sys.argv[1])[sys.argv[2]])' "$line" "$1"; }
data=127.0.0.1:$(port_of data_port)
control=127.0.0.1:$(port_of control_port)

"$work/build/quickstart" "$data" >"$work/out"
expect "fallback: no" "$work/out"
expect "revision: uniform-" "$work/out"
expect "ranking: [0-9]* [0-9]* [0-9]*$" "$work/out"
cat "$work/out"

echo "== run the installed command"
export ATTUNE_SERVER=$data ATTUNE_CONTROL=$control
items=(--history "1=Toy Story (1995)" --candidate "50=Star Wars (1977)"
  --candidate "2=GoldenEye (1995)" --readout generate --seed 7)
"$work/prefix/bin/attune" prompt "${items[@]}" --json >"$work/first.json"
"$work/prefix/bin/attune" prompt "${items[@]}" --json >"$work/second.json"
python3 - "$work/first.json" "$work/second.json" <<'PYTHON'
import json, sys
first, second = (json.load(open(path)) for path in sys.argv[1:])
assert first["messages"] == second["messages"], "same seed, other prompt"
assert first["decision_id"] != second["decision_id"], "same decision twice"
assert sorted(first["answer"]["displayed_item_ids"]) == ["2", "50"]
assert all(0 < c["probability"] <= 1 for c in first["choice"])
PYTHON
"$work/prefix/bin/attune" prompt "${items[@]}"
"$work/prefix/bin/attune" preview "${items[@]}" >"$work/preview"
expect "--- user" "$work/preview"
"$work/prefix/bin/attune" revisions --json | python3 -c 'import json, sys
json.load(sys.stdin)'
if "$work/prefix/bin/attune" rollback 2>"$work/err"; then
  fail "rolled back without a revision"
fi
expect "attune: FAILED_PRECONDITION" "$work/err"

echo "== run without a server"
kill "$server_pid"
wait "$server_pid" || fail "the server ended with $?"
server_pid=
"$work/build/quickstart" "$data" >"$work/out"
expect "fallback: yes" "$work/out"
expect "ranking: 95 71 219$" "$work/out"
echo "quickstart_test: passed"
