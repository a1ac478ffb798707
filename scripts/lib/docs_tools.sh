# What builds the documentation site: MkDocs in a venv of its own. Sourced by docs.sh
# and setup.sh.

# tests/docs/docs_test.sh forms the same name.
docs_tools_dir() {
  printf '%s/docs-%s\n' "$ATTUNE_CACHE" \
    "$(sha256sum <"$ROOT/docs/requirements.txt" | cut -c1-16)"
}

ensure_docs_tools() {
  local dir log="$ATTUNE_CACHE/docs.log"
  dir=$(docs_tools_dir)
  [ ! -e "$dir/ready" ] || return 0
  say "fetching what builds the documentation"
  rm -rf "$dir"
  { python3 -m venv "$dir" &&
    "$dir/bin/python" -m pip install --disable-pip-version-check --no-deps \
      --require-hashes --only-binary ":all:" -r "$ROOT/docs/requirements.txt"
  } >"$log" 2>&1 || die "cannot install MkDocs$(reason "$log") (see $log)"
  touch "$dir/ready"
}
