#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the size budgets: no .cc over 400 lines, no .h over 260.

usage: check_sizes.py ROOT

Prints the median and the largest file of each kind.
"""
import pathlib
import statistics
import sys

BUDGET = {".cc": 400, ".h": 260}
FOLDERS = ("policy", "redis", "tracing", "server", "client", "trainer")


def main(argv):
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root, failed = pathlib.Path(argv[1]), False
    for suffix, budget in BUDGET.items():
        sizes = {
            path: len(path.read_text().splitlines())
            for folder in FOLDERS
            for path in (root / folder).rglob(f"*{suffix}")
        }
        if not sizes:
            print(f"no {suffix} files under {root}", file=sys.stderr)
            return 1
        largest = max(sizes, key=sizes.get)
        print(f"{suffix}: {len(sizes)} files, median {statistics.median(sizes.values()):.0f},"
              f" largest {sizes[largest]} ({largest.relative_to(root)}), budget {budget}")
        for path, size in sizes.items():
            if size > budget:
                print(f"{path.relative_to(root)}: {size} lines, at most {budget}")
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
