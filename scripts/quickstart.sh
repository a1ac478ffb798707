#!/usr/bin/env bash
# From a clone to a server that answers: builds attune_server and the attune command,
# without trainer, LLM or tests, and starts the server on this machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
  cat <<'USAGE'
usage: scripts/quickstart.sh [--stop]

Installs what is missing, builds the server and the command, starts the server in the
background on 127.0.0.1 (ports 50051, 50052, 9464) and says how to ask it for a prompt.
What it keeps, its log and its process id are in build/quickstart.

  scripts/quickstart.sh
  scripts/quickstart.sh --stop

Other ports: ATTUNE_DATA_LISTEN, ATTUNE_CONTROL_LISTEN, ATTUNE_METRICS_LISTEN, for
instance ATTUNE_DATA_LISTEN=127.0.0.1:0 for one that is free. Another directory:
ATTUNE_QUICKSTART_DIR.
USAGE
}

STATE="${ATTUNE_QUICKSTART_DIR:-$ROOT/build/quickstart}"
BIN="build/release"

server_pid() {
  local pid
  pid=$(cat "$STATE/pid" 2>/dev/null) || return 1
  # Another process may have got the number since.
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = attune_server ] || return 1
  printf '%s\n' "$pid"
}

stop() {
  local pid
  pid=$(server_pid) || { echo "no server runs"; return 0; }
  kill "$pid"
  while server_pid >/dev/null; do sleep 0.1; done
  echo "attune_server ($pid) has stopped"
}

start() {
  local pid
  mkdir -p "$STATE"
  rm -f "$STATE/ports.json"
  nohup "$ROOT/$BIN/server/attune_server" --revision_dir "$STATE/revisions" \
    --port_file "$STATE/ports.json" >/dev/null 2>"$STATE/server.log" </dev/null &
  pid=$!
  echo "$pid" >"$STATE/pid"
  until [ -s "$STATE/ports.json" ]; do
    kill -0 "$pid" 2>/dev/null || {
      tail -n 3 "$STATE/server.log" >&2
      die "attune_server did not start; is a port taken? scripts/quickstart.sh --help"
    }
    sleep 0.1
  done
}

# port data|control|metrics
port() { grep -o "\"$1_port\": [0-9]*" "$STATE/ports.json" | grep -o '[0-9]*$'; }

explain() {
  local server=""
  [ "$(port data)" = 50051 ] || server=" --server 127.0.0.1:$(port data)"
  cat <<TEXT

attune_server runs on 127.0.0.1: prompts on $(port data), control on $(port control), metrics on $(port metrics).
It has no trained agents yet and draws every prompt at random. Ask it for one:

  $BIN/client/attune prompt$server --user user-17 \\
    --history "50=Star Wars (1977)" --history "172=Empire Strikes Back, The (1980)" \\
    --candidate "181=Return of the Jedi (1983)" --candidate "258=Contact (1997)"

Stop it with scripts/quickstart.sh --stop. Next: docs/tutorial.md.
TEXT
}

main() {
  case "${1:-}" in
    "") ;;
    -h|--help) usage; return 0 ;;
    --stop) stop; return 0 ;;
    *) usage >&2; die "unknown option: $1" ;;
  esac
  if server_pid >/dev/null; then
    say "it runs already"
  else
    "$SCRIPTS/setup.sh" server
    leave_off ATTUNE_BUILD_TRAINER ATTUNE_BUILD_TESTS
    build_release attune_server_main attune_cli
    start
  fi
  explain
}

main "$@"
