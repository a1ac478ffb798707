#!/usr/bin/env bash
# Builds the image of the server, looks into it, starts it and asks it for a prompt.
#
# usage: tests/deploy/image_test.sh BUILD_DIR
#
# With ATTUNE_IMAGE_TRAINER=1 the trainer's image too (333 MB; twenty minutes the first
# time). Where images cannot be built it says why and exits 77 (skipped), also with
# ATTUNE_REQUIRE_INTEGRATION=1: what is missing then is a right, which no set-up installs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
source "$SCRIPTS/lib/buildah.sh"

main() {
  local build="${1:?usage: tests/deploy/image_test.sh BUILD_DIR}" why programs=(server)
  why=$(why_no_images)
  if [ -n "$why" ]; then
    echo "SKIPPED, no image was built or tested: $why" >&2
    exit 77
  fi
  [ "${ATTUNE_IMAGE_TRAINER:-0}" = 0 ] || programs+=(trainer)
  "$SCRIPTS/image.sh" --out "$build/image" "${programs[@]}"
  /usr/bin/python3 "$ROOT/tests/deploy/image_test.py" "$build" "${programs[@]}"
}

main "$@"
