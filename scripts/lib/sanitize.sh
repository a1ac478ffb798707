# Builds under sanitizers. Sourced by fuzz.sh, sanitize.sh and test.sh.

# An error ends the program; where it happened is said by name.
export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_init_order=1:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"

# build_sanitized PRESET TARGET...: configures and builds, quietly.
build_sanitized() {
  local preset="$1" log="$ATTUNE_CACHE/configure-$1.log"
  shift
  "$SCRIPTS/setup.sh" build test sanitize
  export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-16
  export TSAN_OPTIONS="$TSAN_OPTIONS:external_symbolizer_path=$ASAN_SYMBOLIZER_PATH"
  say "building preset $preset"
  cd "$ROOT"
  cmake --preset "$preset" "-DATTUNE_CACHE_DIR=$ATTUNE_CACHE" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; die "cmake cannot configure preset $preset"; }
  cmake --build --preset "$preset" --target "$@" ||
    die "the build failed: the first error is above"
}
