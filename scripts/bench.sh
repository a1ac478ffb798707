#!/usr/bin/env bash
# Builds and runs the benchmarks. Enough on a bare Debian 12 machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

case "${1:-}" in -h|--help)
  cat <<'USAGE'
usage: scripts/bench.sh [BENCHMARK ARGUMENT...]
       scripts/bench.sh llm [LLM_BENCH ARGUMENT...]

Measures a decision (decide_bench) and GetPrompt over loopback beside a handler
that does nothing (get_prompt_bench). Leaves build/bench/*.json and prints a
table of medians. It measures only: no figure makes it fail.

llm: tokens/s of the embedded LLM inside a training run on MovieLens-100K beside
llama.cpp's own benchmark; leaves build/bench/llm.json (about three minutes).

  scripts/bench.sh                                  # all, about two minutes
  scripts/bench.sh --benchmark_filter=Decide        # decisions only
  scripts/bench.sh --benchmark_repetitions=15       # for a noisy machine
USAGE
  exit 0 ;;
esac

# The embedded LLM beside llama.cpp's own benchmark.
bench_llm() {
  source "$SCRIPTS/lib/artifacts.sh"
  "$SCRIPTS/setup.sh" build bench
  with_cache_lock ensure_llama_bench
  ATTUNE_CMAKE_FLAGS=(-DATTUNE_BUILD_BENCH=ON)
  build_release llm_bench
  mkdir -p "$ROOT/build/bench"
  python3 "$ROOT/bench/llm_bench.py" --bench "$ROOT/build/release/bench/llm_bench" \
    --tool "$ATTUNE_CACHE/llama.cpp/bin/llama-bench" --weights "$ATTUNE_CACHE/models" \
    --out "$ROOT/build/bench/llm.json" -- \
    --data "$ATTUNE_CACHE/data/ml-100k/ml-100k" --year-in-title false \
    --catalog "$ROOT/policy/catalogs/movies.yaml" \
    --model "$ATTUNE_CACHE/models/$MODEL_FILE" \
    --requantize-dir "$ATTUNE_CACHE/models" "$@"
}

case "${1:-}" in
  llm) shift; bench_llm "$@"; exit ;;
esac

BENCHES=(decide_bench get_prompt_bench)
"$SCRIPTS/setup.sh" build bench
ATTUNE_CMAKE_FLAGS=(-DATTUNE_BUILD_BENCH=ON)
build_release "${BENCHES[@]}"

out="$ROOT/build/bench"
mkdir -p "$out"
results=()
for bench in "${BENCHES[@]}"; do
  say "running $bench"
  # Repetitions in random order, so that a slow spell of the machine hits all.
  "$ROOT/build/release/bench/$bench" --benchmark_repetitions=5 \
    --benchmark_enable_random_interleaving=true --benchmark_min_time=0.3 \
    --benchmark_report_aggregates_only=true --benchmark_out_format=json \
    --benchmark_out="$out/$bench.json" "$@" >"$out/$bench.log" 2>&1 ||
    { tail -n 20 "$out/$bench.log" >&2; die "$bench failed"; }
  results+=("$out/$bench.json")
done
python3 "$ROOT/bench/table.py" "${results[@]}"
say "more in ${out#"$ROOT"/}"
