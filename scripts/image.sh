#!/usr/bin/env bash
# Builds the images of Dockerfile on a machine that has no container engine and no
# registry: with Debian's buildah, on a base made by debootstrap. Where there are both,
# `docker build` or `podman build` do the same (docs/image.md).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$SCRIPTS/lib/artifacts.sh"
source "$SCRIPTS/lib/buildah.sh"

usage() {
  cat <<'USAGE'
usage: scripts/image.sh [--out DIR] [server|trainer]...
       scripts/image.sh run server|trainer DIR COMMAND...

Builds localhost/attune-server (the default) and localhost/attune-trainer, and leaves
for each in DIR (default: build/image)

  attune-server.tar.gz     for `docker load` and `podman load`
  attune-server.spdx.json  its SBOM

and prints their sizes. Needs root, Debian 12 and 5 GiB of disk for the server, 10 for the
trainer (three times that with vfs). What it makes is kept in ATTUNE_CACHE
(~/.cache/attune); building again takes what has not changed. Safe to interrupt.

`run` runs a command in an image that was built: read-only, as its user, with DIR (which
uid 10001 must be able to write to) as its volume, on this machine's network.

  scripts/image.sh server trainer
  scripts/image.sh run server /srv/attune attune_server --data_listen 127.0.0.1:50051

  ATTUNE_IMAGE_STORAGE   overlay or vfs: how buildah keeps layers (overlay, if the
                         file system of ATTUNE_CACHE can)
  ATTUNE_JOBS            of the compiler (one a core)
USAGE
}

VERSION=$(sed -n 's/^project(attune VERSION \([0-9.]*\).*/\1/p' "$ROOT/CMakeLists.txt")

# build PROGRAM PROGRAMS: the image of one program, of a build stage with those programs.
# The stage has a name of its own, or its layers would be pruned.
build() {
  local log="$IMAGE_CACHE/$1.log"
  say "building the image of the $1"
  { stage build "$2" "attune-build-$1" && stage "$1" "$2" "attune-$1"; } >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; die "cannot build the image of the $1 (see $log)"; }
}

# stage TARGET PROGRAMS NAME
stage() {
  local revision created
  revision=$(git -C "$ROOT" rev-parse HEAD 2>/dev/null) || revision=unknown
  created=$(git -C "$ROOT" log -1 --format=%cI 2>/dev/null) || created=unknown
  buildah build --isolation chroot --layers --format docker \
    --volume "$APT_CONFIG_DIR:/media:ro" --build-arg APT_CONFIG=/media/apt.conf \
    --volume "$ATTUNE_CACHE/downloads:/mnt:ro" \
    --volume "$CCACHE:/srv" --build-arg CCACHE_DIR=/srv --build-arg "SRC=$ROOT" \
    ${LANG:+--build-arg "LANG=$LANG"} \
    --build-arg "BASE=$BASE_IMAGE" --build-arg "PROGRAMS=$2" --build-arg "JOBS=${ATTUNE_JOBS:-}" \
    --build-arg "VERSION=$VERSION" --build-arg "REVISION=$revision" --build-arg "CREATED=$created" \
    --target "$1" --tag "localhost/$3" "$ROOT"
}

# leave PROGRAM OUT: SBOM and archive of an image, each whole or not at all.
leave() {
  local image="localhost/attune-$1" name="$2/attune-$1" container
  container=$(buildah from --pull-never "$image")
  cp "$(buildah mount "$container")/usr/share/sbom/attune-$1.spdx.json" "$name.spdx.json.tmp"
  buildah rm "$container" >/dev/null
  mv "$name.spdx.json.tmp" "$name.spdx.json"
  rm -f "$name.tar.tmp"
  buildah push --quiet "$image" "docker-archive:$name.tar.tmp:attune-$1:$VERSION"
  printf '%s.tar.gz: %d MB unpacked' "$name" $(($(stat -c %s "$name.tar.tmp") / 1000000))
  gzip <"$name.tar.tmp" >"$name.tar.gz.tmp"
  rm "$name.tar.tmp"
  mv "$name.tar.gz.tmp" "$name.tar.gz"
  printf ', %d MB compressed\n' $(($(stat -c %s "$name.tar.gz") / 1000000))
}

build_all() {
  local out="$1" program
  shift
  # This machine's: the same compiler, the same place, so most of it is compiled already.
  CCACHE=$(ccache --get-config cache_dir)
  mkdir -p "$CCACHE" "$out"
  lock_storage
  ensure_base
  write_apt_config
  # Fetched here: the build has no Python index of this machine's.
  download "$GOOGLEAPIS_REQUIREMENT" >/dev/null
  [[ " $* " != *" trainer "* ]] || download "$LLAMA_REQUIREMENT" >/dev/null
  for program in "$@"; do
    build "$program" "$([ "$program" = server ] && echo server || echo server trainer)"
    leave "$program" "$out"
  done
  prune_storage
}

main() {
  local out="$ROOT/build/image" programs=()
  if [ "${1:-}" = run ]; then
    [ $# -ge 4 ] || { usage >&2; die "run needs an image, a directory and a command"; }
    open_storage
    shift
    run_image "$@"
    return
  fi
  while [ $# -gt 0 ]; do
    case "$1" in
      -h|--help) usage; return 0 ;;
      --out) out="${2:?--out needs a directory}"; shift ;;
      server|trainer) programs+=("$1") ;;
      *) usage >&2; die "unknown argument: $1" ;;
    esac
    shift
  done
  [ ${#programs[@]} -gt 0 ] || programs=(server)
  open_storage
  build_all "$out" "${programs[@]}"
}

main "$@"
