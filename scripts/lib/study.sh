# A study: every method on one data set with a real LLM. Sourced by bench.sh.
# Tasks are a mixture: a quarter of the users show at most three history items,
# a fifth of the true items are unknown to every collaborative model.

STUDY_SEEDS=(1 2 3 4 5)
STUDY_BUDGET="${STUDY_BUDGET:-300}"

# study_flags DATASET: fills STUDY_FLAGS, what refine and evaluate share.
study_flags() {
  STUDY_FLAGS=(--targets 3 --cold-user-share 0.25 --cold-item-share 0.2
    --model "$ATTUNE_CACHE/models/$MODEL_FILE" --requantize-dir "$ATTUNE_CACHE/models"
    --budget "$STUDY_BUDGET" --reward-cache "$STUDY/answers.sqlite")
  case "$1" in
    ml-100k)
      STUDY_FLAGS+=(--catalog "$ROOT/bench/study/movies.yaml" --year-in-title false
        --data "$ATTUNE_CACHE/data/ml-100k/ml-100k") ;;
    lastfm)
      # Play counts, no times: hold out at random; lists are in no order.
      STUDY_FLAGS+=(--catalog "$ROOT/bench/study/music.yaml" --holdout random
        --recency-decay 0.95) ;;
    *) die "study: the data set is ml-100k or lastfm" ;;
  esac
}

# RPP+ for every seed; the same small model rewrites, behind a server.
study_refine() {
  local seed port
  coproc REWRITER { "$ATTUNE_CACHE/venv/bin/python" \
    "$ROOT/tests/trainer/llama_server.py" "$ATTUNE_CACHE/models/$MODEL_FILE" 2>/dev/null; }
  read -r port <&"${REWRITER[0]}" || die "the rewriter did not start"
  for seed in "${STUDY_SEEDS[@]}"; do
    [ ! -e "$STUDY/rpp_plus-$seed/revision.attune" ] || continue
    "$TRAINER" refine "${STUDY_FLAGS[@]}" --learner bandit --seed "$seed" \
      --refinements 2 --rewriter-url "http://127.0.0.1:$port/v1" --rewriter-model small \
      --out "$STUDY/rpp_plus-$seed" --overwrite "$@"
  done
  # The server ends with its standard input.
  exec {REWRITER[1]}>&-
}

# bench_study DATASET [ARGUMENT...]: arguments go to refine and evaluate.
bench_study() {
  local name="${1:-}" seeds revisions
  [ $# -eq 0 ] || shift
  STUDY="$OUT/study-$name"
  TRAINER="$ROOT/build/release/trainer/attune_trainer"
  study_flags "$name"
  build_bench attune_trainer_main
  with_cache_lock ensure_llama_server
  mkdir -p "$STUDY"
  study_refine "$@"
  seeds=$(IFS=,; echo "${STUDY_SEEDS[*]}")
  revisions=$(printf ",$STUDY/rpp_plus-%s/revision.attune" "${STUDY_SEEDS[@]}")
  "$TRAINER" evaluate "${STUDY_FLAGS[@]}" --seeds "$seeds" \
    --learners bandit,ppo,a2c,rpp_published --revision "rpp_plus=${revisions#,}" \
    --tasks-per-user 3 --oracle-users 100 --oracle-choices 8 --work "$STUDY/work" \
    --json "$STUDY/evaluation.json" "$@" | tee "$STUDY/table.txt"
  "$TRAINER" report "$STUDY/evaluation.json" --out "$STUDY/report.html"
  say "more in build/bench/study-$name"
}
