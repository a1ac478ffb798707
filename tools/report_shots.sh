#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Screenshots of a report, to be looked at: desktop and phone, light and dark.
#
# usage: tools/report_shots.sh PAGE.html DIRECTORY
#
# Needs Debian's chromium; says so and does nothing without it. A headless window
# has at least 500 pixels, so the phone is a frame of 390 in a page.
set -euo pipefail

[ $# -eq 2 ] || { sed -n 4,8p "$0" >&2; exit 2; }
[ -r "$1" ] || { echo "report_shots: no file $1" >&2; exit 1; }
command -v chromium >/dev/null || { echo "report_shots: skipped, chromium is not installed"; exit 0; }
page=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# chromium_run ARGUMENT...: headless, offline, with a profile of its own.
chromium_run() {
  timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --allow-file-access-from-files --hide-scrollbars --virtual-time-budget=3000 \
    --user-data-dir="$(mktemp -d -p "$work")" "$@" 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
}

# shot THEME WIDTH NAME: measures the page at that width, then takes all of it.
shot() {
  local frame="$work/$3.html" height blink=()
  [ "$1" = light ] || blink=(--blink-settings=preferredColorScheme=0)
  cat >"$frame" <<HTML
<!DOCTYPE html><style>body{margin:0}iframe{border:0;display:block;width:$2px;height:900px}</style>
<iframe src="file://$page"></iframe><pre></pre><script>onload = () => {
  const frame = document.querySelector("iframe");
  setTimeout(() => {
    const height = frame.contentDocument.documentElement.scrollHeight;
    frame.style.height = height + "px";
    document.querySelector("pre").textContent = "height=" + height;
  }, 500);
};</script>
HTML
  height=$(chromium_run "${blink[@]}" --window-size="$2,900" --dump-dom "file://$frame" |
    sed -n 's/.*height=\([0-9]\+\)<.*/\1/p')
  [ -n "$height" ] || { echo "report_shots: the page did not load" >&2; exit 1; }
  chromium_run "${blink[@]}" --window-size="$(($2 < 500 ? 500 : $2)),$height" \
    --screenshot="$out/$3.png" "file://$frame" >/dev/null
  echo "$out/$3.png"
}

for theme in light dark; do
  shot "$theme" 1280 "desktop-$theme"
  shot "$theme" 390 "phone-$theme"
done
