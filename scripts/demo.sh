#!/usr/bin/env bash
# The main job, from nothing to a served, personalized prompt: train on real LLM
# rankings, evaluate, push to a running server, compare before and after.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/artifacts.sh"

usage() {
  cat <<'USAGE'
usage: scripts/demo.sh [OPTION...]

Leaves build/demo/summary.json and build/demo/demo.png.

  --data DIR/NAME     RecBole atomic files DIR/NAME.inter and DIR/NAME.item
                      (default: MovieLens-100K)
  --catalog FILE      catalog of prompts (default: movies; generic for your data)
  --model FILE.gguf   LLM to run in this process (default: SmolLM2-135M-Instruct)
  --llm-url URL       LLM behind an OpenAI-compatible API instead, with
  --llm-model NAME      its name there, and
  --readout NAME        how its rankings are read: generate (default) or labels
  --budget N          LLM rankings to train on (default: 800)
  --out DIR           where results go (default: build/demo)

  scripts/demo.sh
  scripts/demo.sh --model ~/models/Qwen2.5-1.5B-Instruct.Q4_K_M.gguf --budget 400
  scripts/demo.sh --llm-url http://localhost:8080/v1 --llm-model my-model
USAGE
}

DATA="" CATALOG="" MODEL="" LLM_URL="" LLM_MODEL="" READOUT="" BUDGET=800
DEMO="$ROOT/build/demo"

parse_options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      -h|--help) usage; exit 0 ;;
      --data|--catalog|--model|--llm-url|--llm-model|--readout|--budget|--out)
        [ $# -ge 2 ] || die "$1 needs a value; see --help" ;;
      *) usage >&2; die "unknown option: $1" ;;
    esac
    case "$1" in
      --data) DATA="$2" ;;
      --catalog) CATALOG="$2" ;;
      --model) MODEL="$2" ;;
      --llm-url) LLM_URL="$2" ;;
      --llm-model) LLM_MODEL="$2" ;;
      --readout) READOUT="$2" ;;
      --budget) BUDGET="$2" ;;
      --out) DEMO="$2" ;;
    esac
    shift 2
  done
  [[ "$BUDGET" =~ ^[1-9][0-9]*$ ]] || die "--budget must be a positive number"
  [ -z "$LLM_URL" ] || [ -z "$MODEL" ] || die "use --model or --llm-url, not both"
  [ -z "$LLM_URL" ] || [ -n "$LLM_MODEL" ] || die "--llm-url needs --llm-model"
  [ -z "$MODEL" ] || [ -r "$MODEL" ] || die "--model: cannot read $MODEL"
  [ -z "$DATA" ] || [ -r "$DATA.inter" ] || die "--data: cannot read $DATA.inter"
  [ -z "$CATALOG" ] || [ -r "$CATALOG" ] || die "--catalog: cannot read $CATALOG"
}

# What the programs need to know about data and LLM.
choose_data_and_llm() {
  local domain=movies
  DATA_FLAGS=()
  if [ -z "$DATA" ]; then
    DATA="$ATTUNE_CACHE/data/ml-100k/ml-100k"
    # A small LLM's likelihood of "(1995)" says nothing about taste.
    DATA_FLAGS+=(--year-in-title false)
  else
    domain=generic
  fi
  DATA_FLAGS+=(--data "$DATA")
  CATALOG="${CATALOG:-$ROOT/policy/catalogs/$domain.yaml}"
  if [ -n "$LLM_URL" ]; then
    READOUT="${READOUT:-generate}"
    LLM_FLAGS=(--backend openai --llm-url "$LLM_URL" --llm-model "$LLM_MODEL")
  else
    MODEL="${MODEL:-$ATTUNE_CACHE/models/$MODEL_FILE}"
    READOUT="${READOUT:-likelihood}"
    LLM_FLAGS=(--backend llama --model "$MODEL" --requantize-dir "$ATTUNE_CACHE/models")
  fi
  # Equal prompts are asked once, in this run only.
  LLM_FLAGS+=(--reward-cache "$DEMO/llm_cache.sqlite")
}

# Only what an earlier demo left goes: --out may be any directory.
prepare_directory() {
  mkdir -p "$DEMO" || die "cannot create $DEMO"
  DEMO="$(cd "$DEMO" && pwd)"
  (cd "$DEMO" && rm -rf run revisions llm_cache.sqlite* {ports,load,comparison}.json \
    {evaluation,facts,request,summary}.json demo.png train.out server.out server.log)
}

# phase NAME COMMAND...: runs a part and notes its wall time.
phase() {
  local name="$1" start
  shift
  start=$(date +%s.%N)
  "$@"
  PHASES+=("\"$name\": $(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')")
}
PHASES=()

build_programs() {
  leave_off ATTUNE_BUILD_TESTS
  build_release attune_trainer_main attune_server_main attune_cli
  BIN="$ROOT/build/release"
}

train() {
  say "training on $BUDGET LLM rankings"
  "$BIN/trainer/attune_trainer" train "${DATA_FLAGS[@]}" "${LLM_FLAGS[@]}" \
    --catalog "$CATALOG" --readout "$READOUT" --budget "$BUDGET" \
    --out "$DEMO/run" >"$DEMO/train.out"
  cat "$DEMO/train.out"
}

evaluate() {
  say "evaluating on test users"
  "$BIN/trainer/attune_trainer" evaluate "${DATA_FLAGS[@]}" "${LLM_FLAGS[@]}" \
    --revision "$DEMO/run/revision.attune" --tasks-per-user 2 \
    --searches best_fixed --budget 200 --oracle-users 0 \
    --json "$DEMO/evaluation.json"
}

stop_programs() {
  [ -z "${LOAD_IN:-}" ] || { exec {LOAD_IN}>&- || true; } 2>/dev/null
  [ -z "${SERVER_PID:-}" ] || kill "$SERVER_PID" 2>/dev/null || true
}

start_server() {
  say "starting attune_server; it answers with uniform prompts"
  "$BIN/server/attune_server" --data_listen 127.0.0.1:0 \
    --control_listen 127.0.0.1:0 --metrics_listen 127.0.0.1:0 \
    --revision_dir "$DEMO/revisions" --catalog "$CATALOG" --readout "$READOUT" \
    --port_file "$DEMO/ports.json" >"$DEMO/server.out" 2>"$DEMO/server.log" &
  SERVER_PID=$!
  local tries=0
  until [ -s "$DEMO/ports.json" ]; do
    kill -0 "$SERVER_PID" 2>/dev/null ||
      { tail -n 3 "$DEMO/server.log" >&2; die "attune_server did not start"; }
    [ $((tries += 1)) -le 100 ] || die "attune_server did not open its ports"
    sleep 0.1
  done
  DATA_PLANE="127.0.0.1:$(port data_port)"
  CONTROL_PLANE="127.0.0.1:$(port control_port)"
}

port() {
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
    "$DEMO/ports.json" "$1"
}

push_under_load() {
  say "pushing the revision while requests are running"
  cat >"$DEMO/request.json" <<'REQUEST'
{"history": [{"item_id": "a", "title": "The Third Man"}, {"item_id": "b", "title": "Laura"}],
 "candidates": [{"item_id": "c", "title": "Chinatown"}, {"item_id": "d", "title": "Babe"},
                {"item_id": "e", "title": "Fargo"}]}
REQUEST
  coproc LOAD { python3 "$SCRIPTS/demo_load.py" "$BIN/client/attune" \
    "$DATA_PLANE" "$DEMO/request.json" "$DEMO/load.json"; }
  local load_pid=$LOAD_PID
  LOAD_IN=${LOAD[1]}
  sleep 1
  "$BIN/client/attune" push "$DEMO/run/revision.attune" --activate \
    --control "$CONTROL_PLANE"
  sleep 1
  exec {LOAD_IN}>&-
  LOAD_IN=""
  wait "$load_pid" || die "the requests could not be counted"
  echo "requests meanwhile: $(cat "$DEMO/load.json")"
}

compare() {
  say "three test users: the prompt before, the prompt after, the LLM's rankings"
  local uniform
  uniform=$(python3 -c 'import json, sys
revisions = json.load(open(sys.argv[1]))["by_revision"]
print(next(r for r in revisions if r != sys.argv[2]))' "$DEMO/load.json" "$REVISION")
  "$BIN/trainer/attune_trainer" compare "${DATA_FLAGS[@]}" "${LLM_FLAGS[@]}" \
    --server "$DATA_PLANE" --before "$uniform" --after "$REVISION" \
    --json "$DEMO/comparison.json"
}

serve() {
  REVISION=$(cut -d' ' -f1 "$DEMO/train.out")
  start_server
  push_under_load
  compare
  kill "$SERVER_PID"
  wait "$SERVER_PID" || die "attune_server did not stop cleanly"
  SERVER_PID=""
}

write_facts() {
  local model="${LLM_MODEL:-$(basename "$MODEL")}" sha=null
  [ -n "$LLM_URL" ] || sha="\"$(sha256sum "$MODEL" | cut -d' ' -f1)\""
  local IFS=,
  python3 - "$DEMO/facts.json" "$(basename "$DATA")" "$model" "$REVISION" \
    "$READOUT" "$sha" "{${PHASES[*]}}" <<'PY'
import json
import sys

path, dataset, model, revision, readout, sha256, phases = sys.argv[1:]
with open(path, "w", encoding="utf-8") as file:
    json.dump({"dataset": dataset, "model": {"file": model, "sha256": json.loads(sha256)},
               "readout": readout, "revision": revision,
               "wall_seconds": json.loads(phases)}, file)
PY
}

main() {
  parse_options "$@"
  phase setup "$SCRIPTS/setup.sh" build demo
  prepare_directory
  choose_data_and_llm
  trap stop_programs EXIT
  phase build build_programs
  phase train train
  phase evaluate evaluate
  phase serve serve
  write_facts
  # Debian's own interpreter has the matplotlib that set-up installs.
  /usr/bin/python3 "$SCRIPTS/demo_report.py" "$DEMO"
  say "done: $DEMO/summary.json and $DEMO/demo.png"
}

main "$@"
