#!/usr/bin/env bash
# Builds and runs the benchmarks. Enough on a bare Debian 12 machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/artifacts.sh"
source "$SCRIPTS/lib/study.sh"

usage() {
  cat <<'USAGE'
usage: scripts/bench.sh [BENCHMARK ARGUMENT...]
       scripts/bench.sh serving|learning|refine|llm [ARGUMENT...]
       scripts/bench.sh study DATASET [ARGUMENT...]

Measures; no figure makes it fail. Results go to build/bench/.

  (nothing)  a decision (decide_bench) and GetPrompt over loopback beside a
             handler that does nothing (get_prompt_bench); a table of medians;
             about two minutes
  serving    attune_server beside an empty handler, a Python server and itself
             under swaps, with ten million items and under overload:
             serving.json; about fifteen minutes, 16 GB of memory for row 5
  learning   what each learner learns from how many LLM calls on the simulator:
             learning.json; about ten minutes
  refine     RPP+ beside the same learner without it, on the simulator:
             refine.json; about five minutes
  llm        the embedded LLM in a training run beside llama.cpp's own benchmark,
             and how long a fast LLM waits for the learners: llm.json; about
             four minutes
  study      all methods on ml-100k or lastfm with a real LLM: study-DATASET/
             with evaluation.json and report.html; most of an hour. lastfm needs
             --data DIR/NAME. Started again it goes on where it was stopped.

  scripts/bench.sh --benchmark_filter=Decide        # decisions only
  scripts/bench.sh --benchmark_repetitions=15       # for a noisy machine
  scripts/bench.sh serving --rows 1,2 --repetitions 3
  scripts/bench.sh learning --settings=paper --seeds=3 --control-calls=0
  scripts/bench.sh study lastfm --data ~/data/lastfm/lastfm
USAGE
}

OUT="$ROOT/build/bench"

# build_bench TARGET...: with what benchmarks need.
build_bench() {
  "$SCRIPTS/setup.sh" build bench
  ATTUNE_CMAKE_FLAGS=(-DATTUNE_BUILD_BENCH=ON)
  leave_off ATTUNE_BUILD_TESTS
  build_release "$@"
  mkdir -p "$OUT"
}

bench_quick() {
  local benches=(decide_bench get_prompt_bench) results=() bench
  build_bench "${benches[@]}"
  for bench in "${benches[@]}"; do
    say "running $bench"
    # Repetitions in random order, so that a slow spell of the machine hits all.
    "$ROOT/build/release/bench/$bench" --benchmark_repetitions=5 \
      --benchmark_enable_random_interleaving=true --benchmark_min_time=0.3 \
      --benchmark_report_aggregates_only=true --benchmark_out_format=json \
      --benchmark_out="$OUT/$bench.json" "$@" >"$OUT/$bench.log" 2>&1 ||
      { tail -n 20 "$OUT/$bench.log" >&2; die "$bench failed"; }
    results+=("$OUT/$bench.json")
  done
  python3 "$ROOT/bench/table.py" "${results[@]}"
  say "more in ${OUT#"$ROOT"/}"
}

GHZ_VERSION=v0.120.0

# ensure_ghz: the load generator from the Go module proxy; nothing if there is no
# go or it cannot build it.
ensure_ghz() {
  GHZ="$ATTUNE_CACHE/ghz-$GHZ_VERSION/ghz"
  [ ! -x "$GHZ" ] || return 0
  if ! command -v go >/dev/null ||
    ! GOBIN="$(dirname "$GHZ")" go install "github.com/bojand/ghz/cmd/ghz@$GHZ_VERSION" \
      >"$ATTUNE_CACHE/ghz.log" 2>&1; then
    say "left out: ghz needs go and its module proxy"
    GHZ=""
  fi
}

# generate_python DIR: the API's messages for bench/python_server.py.
generate_python() {
  mkdir -p "$1"
  protoc -I "$ROOT/proto" -I "$ATTUNE_CACHE/googleapis" --python_out="$1" \
    "$ROOT"/proto/attune/v1/*.proto "$ATTUNE_CACHE/googleapis/google/rpc/status.proto"
}

bench_serving() {
  build_bench serving_load floor_server decide_bench attune_server_main attune_cli
  # Debian's, so that the Python server has the same gRPC.
  ensure_apt python3-grpcio python3-protobuf python3-numpy python3-torch
  with_cache_lock ensure_ghz
  generate_python "$OUT/python"
  python3 "$ROOT/bench/serving.py" --build "$ROOT/build/release" \
    --out "$OUT/serving.json" --generated "$OUT/python" --ghz "$GHZ" \
    --python /usr/bin/python3 --googleapis "$ATTUNE_CACHE/googleapis" "$@"
  say "more in build/bench/serving.json"
}

# One thread a training: libtorch's own only get in each other's way.
bench_learning() {
  build_bench learning_bench
  OMP_NUM_THREADS=1 "$ROOT/build/release/bench/learning_bench" \
    --out "$OUT/learning.json" "$@"
  say "more in build/bench/learning.json"
}

bench_refine() {
  build_bench refine_bench
  OMP_NUM_THREADS=1 "$ROOT/build/release/bench/refine_bench" \
    --out "$OUT/refine.json" "$@"
  say "more in build/bench/refine.json"
}

# The embedded LLM beside llama.cpp's own benchmark.
bench_llm() {
  build_bench llm_bench attune_trainer_main
  with_cache_lock ensure_llama_bench
  python3 "$ROOT/bench/llm_bench.py" --bench "$ROOT/build/release/bench/llm_bench" \
    --trainer "$ROOT/build/release/trainer/attune_trainer" \
    --catalog "$ROOT/policy/catalogs/movies.yaml" \
    --tool "$ATTUNE_CACHE/llama.cpp/bin/llama-bench" --weights "$ATTUNE_CACHE/models" \
    --out "$OUT/llm.json" -- \
    --data "$ATTUNE_CACHE/data/ml-100k/ml-100k" --year-in-title false \
    --model "$ATTUNE_CACHE/models/$MODEL_FILE" \
    --requantize-dir "$ATTUNE_CACHE/models" "$@"
}

case "${1:-}" in
  -h|--help) usage ;;
  serving) shift; bench_serving "$@" ;;
  learning) shift; bench_learning "$@" ;;
  refine) shift; bench_refine "$@" ;;
  llm) shift; bench_llm "$@" ;;
  study) shift; bench_study "$@" ;;
  *) bench_quick "$@" ;;
esac
