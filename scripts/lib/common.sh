# Helpers of the scripts. Sourced, never run.

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
ROOT="$(dirname "$SCRIPTS")"
ATTUNE_CACHE="${ATTUNE_CACHE:-${HOME:-/root}/.cache/attune}"
export ATTUNE_CACHE

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# require_space DIR GIB: ends the script unless DIR's disk has that much free.
require_space() {
  mkdir -p "$1" 2>/dev/null || die "cannot create $1: is the disk full or read-only?"
  local free
  free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1048576) }')
  [ "$free" -ge "$2" ] || die "$2 GiB of free disk space needed in $1, there are $free"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "root or sudo is needed to install Debian packages: $*"; fi
}

# ensure_apt PACKAGE...: installs the packages that are not installed.
ensure_apt() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
      grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null ||
    die "these Debian packages are missing and there is no apt-get: ${missing[*]}"
  say "installing ${#missing[@]} Debian packages"
  local log="$ATTUNE_CACHE/apt.log"
  # An earlier installation may have been interrupted half-way.
  as_root dpkg --configure -a >"$log" 2>&1 || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update >>"$log" 2>&1 ||
    die "cannot fetch Debian's package lists: is the network up? (see $log)"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends "${missing[@]}" >>"$log" 2>&1 ||
    die "cannot install Debian packages$(reason "$log") (see $log)"
}

# reason LOG: the known cause that a log shows, as the end of a sentence.
reason() {
  if grep -qiE 'no space left|not enough free space|Errno 28' "$1"; then
    echo ": the disk is full"
  elif grep -qiE 'do not match the hashes|hash.*mismatch|hashsum' "$1"; then
    echo ": what arrived does not match the pinned hash"
  elif grep -qiE 'connection|resolve|timed out|unreachable|could not find a version' "$1"; then
    echo ": is the network up?"
  fi
}

# with_cache_lock COMMAND...: one script at a time works on the cache.
with_cache_lock() {
  mkdir -p "$ATTUNE_CACHE"
  exec 9>"$ATTUNE_CACHE/.lock"
  flock -w 1800 9 || die "another script holds $ATTUNE_CACHE/.lock for half an hour"
  "$@" 9>&-
  exec 9>&-
}

# build_release TARGET...: configures and builds the release preset.
build_release() {
  say "building ($(nproc) cores; ccache makes the next time quick)"
  cd "$ROOT"
  local flags=("-DATTUNE_CACHE_DIR=$ATTUNE_CACHE" "${ATTUNE_CMAKE_FLAGS[@]}")
  cmake --preset release "${flags[@]}" >"$ATTUNE_CACHE/configure.log" 2>&1 ||
    { tail -n 20 "$ATTUNE_CACHE/configure.log" >&2
      die "cmake cannot configure the build"; }
  cmake --build --preset release --target "$@" ||
    die "the build failed: the first error is above"
}
ATTUNE_CMAKE_FLAGS=()

# leave_off OPTION...: options of CMakeLists.txt that build_release does without,
# unless the build directory has them already.
leave_off() {
  local option
  for option in "$@"; do
    grep -qs "^$option:BOOL=ON" "$ROOT/build/release/CMakeCache.txt" ||
      ATTUNE_CMAKE_FLAGS+=("-D$option=OFF")
  done
}
