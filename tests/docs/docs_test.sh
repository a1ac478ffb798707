#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the documentation with the tools that `scripts/setup.sh test` fetches; see
# docs_test.py. Exits 77 (skipped) where they are not, unless ATTUNE_REQUIRE_INTEGRATION
# is set.
#
# usage: docs_test.sh SOURCE_DIR BUILD_DIR CACHE_DIR
set -euo pipefail
source_dir=$1 build=$2 cache=$3
dir=$cache/docs-$(sha256sum <"$source_dir/docs/requirements.txt" | cut -c1-16)
if [[ ! -e $dir/ready ]]; then
  echo "no $dir: run scripts/setup.sh test"
  if [[ -n ${ATTUNE_REQUIRE_INTEGRATION:-} ]]; then exit 1; fi
  exit 77
fi
export ATTUNE_CACHE=$cache PYTHONDONTWRITEBYTECODE=1
exec "$dir/bin/python" "$source_dir/tests/docs/docs_test.py" "$build"
