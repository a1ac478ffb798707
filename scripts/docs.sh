#!/usr/bin/env bash
# Builds the documentation site: pages of docs/, and reference pages generated from
# protos, programs, metrics and Helm values.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/docs_tools.sh"

usage() {
  cat <<'USAGE'
usage: scripts/docs.sh [--strict]

Builds the programs, since their --help is part of it, and leaves the site in
build/docs/site: open build/docs/site/index.html. Its search wants a server:
  python3 -m http.server --directory build/docs/site --bind 127.0.0.1

  --strict   fail on links, anchors and pages that are not there
USAGE
}

main() {
  case "${1:-}" in
    ""|--strict) ;;
    -h|--help) usage; return 0 ;;
    *) usage >&2; die "unknown option: $1" ;;
  esac
  "$SCRIPTS/setup.sh" build
  with_cache_lock ensure_docs_tools
  leave_off ATTUNE_BUILD_TESTS
  build_release attune_server_main attune_cli attune_trainer_main
  "$(docs_tools_dir)/bin/python" "$ROOT/tools/docs/build_site.py" "$ROOT" \
    "$ROOT/build/release" "$ROOT/build/docs" "$@" || die "the site has faults: see above"
  say "the site: build/docs/site/index.html"
}

main "$@"
