#!/usr/bin/env bash
# Compiles the programs of the images. Run by the Dockerfile's build stage, in the
# source tree.
#
# usage: deploy/image/build.sh OUT PROGRAM...      PROGRAM: server, trainer
#
# Leaves, for each program, OUT/PROGRAM/ (files of the image, stripped) and
# OUT/PROGRAM.packages (the Debian packages that hold its shared libraries), and
# OUT/install.sh.
set -euo pipefail

# What the programs need beside the libraries that they are linked with.
declare -A MORE_PACKAGES=([server]="ca-certificates" [trainer]="ca-certificates")
declare -A BINARIES=([server]="server/attune_server client/attune" [trainer]="trainer/attune_trainer")
declare -A TARGETS=([server]="attune_server_main attune_cli" [trainer]="attune_trainer_main")

# packages BINARY...: the packages of the shared libraries, one a line.
packages() {
  local work
  work=$(mktemp -d)
  mkdir "$work/debian"
  printf 'Source: attune\n\nPackage: attune\nArchitecture: any\n' >"$work/debian/control"
  # "shlibs:Depends=libc6 (>= 2.36), libssl3 (>= 3.0.0)"
  (cd "$work" && dpkg-shlibdeps -O "${@/#/-e}") |
    sed -e 's/^[^=]*=//' -e 's/([^)]*)//g' -e 's/|[^,]*//g' | tr ',' '\n' | tr -d ' '
}

stage() {
  local out="$1" program="$2" binary built=()
  for binary in ${BINARIES[$program]}; do
    install -D --strip "build/release/$binary" "$out/$program/usr/bin/${binary##*/}"
    built+=("$PWD/build/release/$binary")
  done
  mkdir -p "$out/$program/usr/share/attune"
  cp -r policy/catalogs "$out/$program/usr/share/attune/"
  install -D -m 644 LICENSE "$out/$program/usr/share/doc/attune/LICENSE"
  { packages "${built[@]}"; printf '%s\n' ${MORE_PACKAGES[$program]}; } >"$out/$program.packages"
}

main() {
  local out="${1:?usage: deploy/image/build.sh OUT PROGRAM...}" trainer=OFF program targets=()
  shift
  case " $* " in *" trainer "*) trainer=ON ;; esac
  for program in "$@"; do targets+=(${TARGETS[$program]:?no such program: $program}); done
  # As scripts/ builds it, so that ccache may have it from there.
  cmake --preset release -DATTUNE_BUILD_TESTS=OFF -DATTUNE_BUILD_TRAINER="$trainer"
  cmake --build --preset release --target "${targets[@]}" -j"${JOBS:-$(nproc)}"
  for program in "$@"; do stage "$out" "$program"; done
  [ ! -d "$out/server" ] ||
    install -D -m 644 deploy/image/server.yaml "$out/server/etc/attune/server.yaml"
  install deploy/image/install.sh "$out/"
}

main "$@"
