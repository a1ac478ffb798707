#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a server for prompts until told to stop, and counts who answered.

usage: demo_load.py ATTUNE SERVER REQUEST.json OUT.json

Runs `ATTUNE prompt` in a loop until a line (or the end) arrives on standard
input; then writes {"answers": n, "failures": n, "by_revision": {...}}.
"""
import collections
import json
import select
import subprocess
import sys


def ask(attune, server, request):
    """Returns the revision that answered, or None."""
    answer = subprocess.run([attune, "prompt", "--server", server, "--request", request, "--json"],
                            capture_output=True, text=True, check=False)
    return json.loads(answer.stdout)["revision"] if answer.returncode == 0 else None


def main(argv):
    if len(argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    attune, server, request, out = argv[1:]
    revisions = collections.Counter()
    while not select.select([sys.stdin], [], [], 0)[0]:
        revisions[ask(attune, server, request)] += 1
    failures = revisions.pop(None, 0)
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"answers": revisions.total(), "failures": failures,
                   "by_revision": dict(revisions)}, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
