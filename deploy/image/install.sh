#!/bin/sh
# Installs Debian packages and makes the user of the images; run in them as they are
# built.
#
# usage: install.sh FILE DIRECTORY      FILE: packages, one a line; DIRECTORY: the volume
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# Security fixes that came after the base.
apt-get upgrade -qy
# shellcheck disable=SC2046  # a word each
apt-get install -qy --no-install-recommends $(cat "$1")
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/doc-base
useradd --uid 10001 --user-group --no-create-home --home-dir "$2" \
  --no-log-init --shell /usr/sbin/nologin attune
install -d -o 10001 -g 10001 -m 0750 "$2"
