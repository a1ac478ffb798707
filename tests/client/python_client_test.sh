#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks, builds, installs and tests client/python: its tests run on what a source
# archive installs, and a clean venv takes it from the folder as a user does. Without a
# network: everything comes from the cache that `scripts/setup.sh test` fills.
#
# usage: python_client_test.sh SOURCE_DIR CACHE_DIR SERVER CLI TRAINER
#
# TRAINER may be empty: then the tests that need it are skipped. Exits 77 (skipped) where
# the cache is empty, unless ATTUNE_REQUIRE_INTEGRATION is set.
set -euo pipefail
source_dir=$1 cache=$2
export ATTUNE_SERVER_BINARY=$3 ATTUNE_CLI_BINARY=$4 ATTUNE_TRAINER_BINARY=$5
package=$source_dir/client/python

stamp=$(sha256sum <"$package/tests/requirements.txt" | cut -c1-16)
dir=$cache/python-client-$stamp
if [[ ! -e $dir/ready ]]; then
  echo "no $dir: run scripts/setup.sh test"
  if [[ -n ${ATTUNE_REQUIRE_INTEGRATION:-} ]]; then exit 1; fi
  exit 77
fi
# Without a trainer there is nothing to require of it.
if [[ -z $ATTUNE_TRAINER_BINARY ]]; then unset ATTUNE_REQUIRE_INTEGRATION; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
# quietly COMMAND...: what it printed is shown only if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$*"; }; }
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_NO_INDEX=1 PIP_FIND_LINKS=$dir/wheels
python=$dir/venv/bin/python

echo "== lint"
cp -r "$package" "$work/tree"
rm -rf "$work/tree/src/attune/v1" "$work/tree/build"
cd "$work/tree"
"$dir/venv/bin/ruff" check --no-cache .
"$dir/venv/bin/ruff" format --no-cache --check .

echo "== a source archive, and what it installs"
cd "$package"
quietly "$python" -c "import setuptools.build_meta as build, sys
build.build_sdist(sys.argv[1])" "$work"
quietly "$python" -m pip install --no-deps --no-build-isolation --target "$work/site" \
  "$work"/attune-*.tar.gz
"$python" -m mypy --config-file pyproject.toml --cache-dir "$work/mypy" --python-executable \
  "$python" "$work/site/attune"

echo "== a clean venv, from the folder"
quietly "$python" -m venv "$work/clean"
quietly "$work/clean/bin/python" -m pip install "$package"
cd "$work"
"$work/clean/bin/python" - <<'PYTHON'
import pathlib
import attune
package = pathlib.Path(attune.__file__).parent
assert (package / "py.typed").exists() and (package / "v1/prompt_pb2.pyi").exists()
# pandas is asked for by what needs it only.
try:
    attune.log.to_dataframe([])
except ModuleNotFoundError as error:
    assert error.name == "pandas"
PYTHON

echo "== tests"
cd "$package"
PYTHONPATH=$work/site "$python" -m pytest -p no:cacheprovider -q --basetemp "$work/pytest"
