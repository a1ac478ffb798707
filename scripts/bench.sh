#!/usr/bin/env bash
# Builds and runs the benchmarks. Enough on a bare Debian 12 machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

case "${1:-}" in -h|--help)
  cat <<'USAGE'
usage: scripts/bench.sh [BENCHMARK ARGUMENT...]
       scripts/bench.sh learning [learning_bench ARGUMENT...]

Measures a decision (decide_bench) and GetPrompt over loopback beside a handler
that does nothing (get_prompt_bench). Leaves build/bench/*.json and prints a
table of medians. It measures only: no figure makes it fail.

  scripts/bench.sh                                  # all, about two minutes
  scripts/bench.sh --benchmark_filter=Decide        # decisions only
  scripts/bench.sh --benchmark_repetitions=15       # for a noisy machine

learning: what the learners learn from how many LLM calls on the simulator, in
build/bench/learning.json and as a table; ten minutes.

  scripts/bench.sh learning --settings=paper --seeds=3 --control-calls=0
USAGE
  exit 0 ;;
esac

if [[ "${1:-}" == learning ]]; then
  shift
  "$SCRIPTS/setup.sh" build bench
  ATTUNE_CMAKE_FLAGS=(-DATTUNE_BUILD_BENCH=ON)
  build_release learning_bench
  mkdir -p "$ROOT/build/bench"
  # One thread a training: libtorch's own only get in each other's way.
  OMP_NUM_THREADS=1 "$ROOT/build/release/bench/learning_bench" \
    --out "$ROOT/build/bench/learning.json" "$@"
  say "more in build/bench/learning.json"
  exit 0
fi

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
