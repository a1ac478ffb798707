# buildah with a storage of its own in $ATTUNE_CACHE/image, and the base image that
# stands for debian:12-slim where there is no registry. Sourced by scripts/image.sh and
# tests/deploy/image_test.sh, after common.sh.

IMAGE_CACHE="$ATTUNE_CACHE/image"
BASE_IMAGE=localhost/attune-base
APT_CONFIG_DIR="$IMAGE_CACHE/apt"

# why_no_images: prints why images cannot be built here; nothing if they can.
why_no_images() {
  [ "$(id -u)" = 0 ] || { echo "root is needed: buildah's chroot isolation mounts file systems"; return; }
  command -v apt-get >/dev/null || { echo "no apt-get: the base is made from Debian's packages"; return; }
  [ "$(. /etc/os-release; echo "${VERSION_CODENAME:-}")" = bookworm ] ||
    { echo "this is not Debian 12: the base is made by its packages"; return; }
  unshare -m true 2>/dev/null || echo "no right to mount file systems (CAP_SYS_ADMIN)"
}

# open_storage: after it, `buildah` is ours. Ends the script where images cannot be built.
open_storage() {
  local why
  why=$(why_no_images)
  [ -z "$why" ] || die "cannot build images here: $why"
  ensure_apt buildah debootstrap ccache
  # Where `RUN --mount=type=cache` keeps its directories.
  export TMPDIR="$IMAGE_CACHE/tmp"
  mkdir -p "$TMPDIR"
  STORAGE_DRIVER="${ATTUNE_IMAGE_STORAGE:-overlay}"
  [ -n "${ATTUNE_IMAGE_STORAGE:-}" ] || buildah info >/dev/null 2>&1 || STORAGE_DRIVER=vfs
  require_space "$IMAGE_CACHE" "$([ "$STORAGE_DRIVER" = vfs ] && echo 12 || echo 5)"
}

buildah() {
  command buildah --root "$IMAGE_CACHE/$STORAGE_DRIVER" --runroot "$IMAGE_CACHE/run-$STORAGE_DRIVER" \
    --storage-driver "$STORAGE_DRIVER" "$@"
}

# lock_storage: one script builds at a time, until it ends. Containers that nobody runs
# are an interrupted script's.
lock_storage() {
  exec 8>"$IMAGE_CACHE/.lock" 7>"$IMAGE_CACHE/.running"
  flock -w 1800 8 || die "another script holds $IMAGE_CACHE/.lock for half an hour"
  if flock -n 7; then buildah rm --all >/dev/null 2>&1 || true; fi
  exec 7>&-
}

# prune_storage: drops the layers of earlier sources.
prune_storage() { buildah rmi --prune >/dev/null 2>&1 || true; }

# debian_sources: this machine's sources of Debian 12: URI, suite, component; one a line.
debian_sources() {
  local found
  found=$(known_sources)
  [ -n "$found" ] || { apt-get update >"$ATTUNE_CACHE/apt.log" 2>&1 || true; found=$(known_sources); }
  [ -n "$found" ] || die "apt knows no source of Debian 12's packages (see $ATTUNE_CACHE/apt.log)"
  printf '%s\n' "$found"
}

known_sources() {
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $3 ~ /^bookworm/ && $4 == "main" { print $2, $3, $4 }' | sort -u
}

# write_apt_config: how apt reaches Debian's packages from here, for the build alone:
# nothing of it is in the images. Mounted at /media, which every base has.
write_apt_config() {
  mkdir -p "$APT_CONFIG_DIR"
  debian_sources | sed 's#^#deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] #' \
    >"$APT_CONFIG_DIR/sources.list"
  { apt-config dump | grep -E '^Acquire::(https?|Check|Retries|ForceIPv|Proxy)' || true
    echo 'Dir::Etc::SourceList "/media/sources.list"; Dir::Etc::SourceParts "-";'
  } >"$APT_CONFIG_DIR/apt.conf"
}

# make_base FILE: a tar of what debian:12-slim has: minbase without what nobody reads in
# a container.
make_base() {
  local root="$IMAGE_CACHE/debootstrap.tmp" mirror log="$IMAGE_CACHE/debootstrap.log"
  mirror=$(debian_sources | awk '$2 == "bookworm" { print $1; exit }')
  rm -rf "$root"
  say "making the base image (about half a minute)"
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$log" 2>&1 ||
    die "cannot make the base image$(reason "$log") (see $log)"
  # As in the official image: dpkg leaves these out for good, copyright files stay.
  cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
SLIM
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  rm -rf "$root"/usr/share/{man,info,locale}/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*
  : >"$root/etc/apt/sources.list"
  tar -C "$root" --numeric-owner -cf "$1.tmp" .
  mv "$1.tmp" "$1"
  rm -rf "$root"
}

# ensure_base: BASE_IMAGE is there. The file outlives the storage.
ensure_base() {
  local file="$IMAGE_CACHE/base-bookworm-1.tar" container
  buildah inspect --type image "$BASE_IMAGE" >/dev/null 2>&1 && return 0
  [ -e "$file" ] || make_base "$file"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$file" / >/dev/null
  buildah config --cmd bash "$container"
  buildah commit --quiet --rm "$container" "$BASE_IMAGE" >/dev/null
}

# run_image PROGRAM DIR COMMAND...: runs a command in an image as an engine that is told
# to be strict would: the root file system read-only, the image's user without any
# capability, DIR as its volume; on this machine's network.
run_image() {
  local program="$1" image="localhost/attune-$1" dir="$2" user volume container code=0
  shift 2
  buildah inspect --type image "$image" >/dev/null 2>&1 ||
    die "there is no image of the $program: scripts/image.sh $program builds it"
  exec 7>"$IMAGE_CACHE/.running"
  flock -s 7
  user=$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' "$image")
  volume=$(buildah inspect --type image --format '{{range $path, $_ := .OCIv1.Config.Volumes}}{{$path}}{{end}}' "$image")
  container=$(buildah from --pull-never "$image")
  # Else an empty directory of buildah's may be mounted over DIR.
  buildah config --volume "$volume-" "$container"
  # buildah has no --read-only: root makes it so inside, then gives everything away.
  buildah run --isolation chroot --user 0:0 --cap-add CAP_SYS_ADMIN --cap-add CAP_SETPCAP \
    --volume "$dir:$volume" "$container" -- sh -c 'mount -o remount,bind,ro / &&
      exec setpriv --reuid "${0%:*}" --regid "${0#*:}" --clear-groups --inh-caps=-all \
        --bounding-set=-all --no-new-privs -- "$@"' "$user" "$@" || code=$?
  buildah rm "$container" >/dev/null
  return "$code"
}
