#!/usr/bin/env bash
# Builds the libFuzzer targets and runs them one after another. Enough on a bare
# Debian 12 machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/sanitize.sh"

TARGETS=(catalog files log prompt ranking revision token)

usage() {
  cat <<USAGE
usage: scripts/fuzz.sh [--seconds N | --runs N] [TARGET]...

Runs each target (default: all, 60 seconds each), as many at once as there are
processors, and prints its executions. A finding ends its target: the input stays
in build/fuzz/findings and its path is printed. What a target learned is kept in
build/fuzz/corpus for the next time.

  scripts/fuzz.sh                           # a minute each
  scripts/fuzz.sh --runs 10000000 catalog   # until it ran so often
  build/fuzz/tests/fuzz/fuzz_catalog FILE   # one input again

Targets: ${TARGETS[*]}
ATTUNE_FUZZ_SEED is the seed (default: a random one; each log begins with it).
USAGE
}

# fuzz TARGET LIMIT: the executions, or the finding.
fuzz() {
  local target="$1" limit="$2" build="$ROOT/build/fuzz" log runs
  log="$build/fuzz-$target.log"
  local corpus="$build/corpus/$target" findings="$build/findings"
  mkdir -p "$corpus" "$findings" "$build/seeds/$target"
  # Its files, where it has any, belong into memory.
  if ! TMPDIR=/dev/shm "$build/tests/fuzz/fuzz_$target" "$limit" -timeout=10 \
    -seed="${ATTUNE_FUZZ_SEED:-0}" \
    -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$findings/$target-" "$corpus" "$build/seeds/$target" \
    $([ ! -d "$ROOT/tests/fuzz/corpus/$target" ] || echo "$ROOT/tests/fuzz/corpus/$target") \
    >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "$target: finding in $(ls -t "$findings/$target-"* 2>/dev/null | head -1) (see $log)"
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-10s %12d executions, %s a second\n' "$target" "$runs" \
    "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")"
}

main() {
  local limit=-max_total_time=60 chosen=() target
  while [ $# -gt 0 ]; do
    case "$1" in
      -h|--help) usage; return 0 ;;
      --seconds|--runs)
        [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || die "$1 needs a number above 0"
        if [ "$1" = --runs ]; then limit="-runs=$2"; else limit="-max_total_time=$2"; fi
        shift ;;
      *)
        [[ " ${TARGETS[*]} " == *" $1 "* ]] || { usage >&2; die "no target '$1'"; }
        chosen+=("$1") ;;
    esac
    shift
  done
  [ ${#chosen[@]} -gt 0 ] || chosen=("${TARGETS[@]}")
  build_sanitized fuzz fuzzers
  "$ROOT/build/fuzz/tests/fuzz/fuzz_seeds" "$ROOT/build/fuzz/seeds"
  local running=0 failed=0
  for target in "${chosen[@]}"; do
    if [ "$running" -eq "$(nproc)" ]; then
      wait -n || failed=1
      running=$((running - 1))
    fi
    fuzz "$target" "$limit" &
    running=$((running + 1))
  done
  for ((; running > 0; --running)); do wait -n || failed=1; done
  return "$failed"
}

main "$@"
