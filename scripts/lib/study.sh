# A study: every method on one data set with a real LLM. Sourced by bench.sh.
# Tasks are a mixture: a quarter of the users show at most three history items,
# a fifth of the true items are unknown to every collaborative model.

STUDY_SEEDS=1,2,3,4,5
STUDY_BUDGET=300

# study_flags DATASET: fills STUDY_DATA and STUDY_CATALOG.
study_flags() {
  STUDY_DATA=(--targets 3 --cold-user-share 0.25 --cold-item-share 0.2)
  case "$1" in
    ml-100k)
      STUDY_CATALOG="$ROOT/bench/study/movies.yaml"
      STUDY_DATA+=(--data "$ATTUNE_CACHE/data/ml-100k/ml-100k" --year-in-title false) ;;
    lastfm)
      # Play counts, no times: hold out at random; lists are in no order.
      STUDY_CATALOG="$ROOT/bench/study/music.yaml"
      STUDY_DATA+=(--holdout random --recency-decay 0.95) ;;
    *) die "study: the data set is ml-100k or lastfm" ;;
  esac
}

# bench_study DATASET [EVALUATE ARGUMENT...]
bench_study() {
  local name="${1:-}" out trainer="$ROOT/build/release/trainer/attune_trainer"
  [ $# -eq 0 ] || shift
  study_flags "$name"
  build_bench attune_trainer_main
  out="$OUT/study-$name"
  mkdir -p "$out"
  "$trainer" evaluate "${STUDY_DATA[@]}" --catalog "$STUDY_CATALOG" \
    --model "$ATTUNE_CACHE/models/$MODEL_FILE" --requantize-dir "$ATTUNE_CACHE/models" \
    --reward-cache "$out/answers.sqlite" --work "$out/work" \
    --learners bandit,ppo,a2c,rpp_published --budget "$STUDY_BUDGET" \
    --seeds "$STUDY_SEEDS" --tasks-per-user 3 --oracle-users 100 --oracle-choices 8 \
    --json "$out/evaluation.json" "$@" | tee "$out/table.txt"
  "$trainer" report "$out/evaluation.json" --out "$out/report.html"
  say "more in build/bench/study-$name"
}
