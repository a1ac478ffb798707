#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what the benchmarks measured as a short table.

usage: table.py RESULT.json...

Medians of the repetitions. "of floor": a benchmark's calls per second as a share
of the floor's with as many calls in flight (1 = as fast as a handler that does
nothing).
"""
import json
import re
import sys

FLOORS = ("FloorEmpty", "FloorConstant")
HEADS = {"2": "independent", "3": "autoregressive"}


def medians(path):
    """Returns {run name: median row} of one result file."""
    try:
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)["benchmarks"]
    except (OSError, ValueError, KeyError):
        return {}  # a filter that matches nothing leaves an empty file
    return {row["run_name"]: row for row in rows
            if row.get("aggregate_name", "median") == "median"}


def micros(row, key):
    return row[key] * {"ns": 1e-3, "us": 1.0, "ms": 1e3}[row["time_unit"]]


def decisions(rows):
    lines = [("part of a decision", "heads", "CPU us")]
    for name, row in sorted(rows.items()):
        match = re.match(r"DecideBench/(\w+)/heads:(\d)", name)
        if match:
            part, heads = match.groups()
            heads = HEADS[heads] if part in ("Decide", "Heads") else "-"
            lines.append((part, heads, f"{micros(row, 'cpu_time'):.1f}"))
        elif name.startswith("HandlerBench/"):
            part = {"Bytes": "Handler, bytes to bytes"}[name.split("/")[1]]
            lines.append((part, "autoregressive", f"{micros(row, 'cpu_time'):.1f}"))
    return lines


def calls(rows):
    lines = [("call", "in flight", "calls/s", "p50 us", "p99 us", "CPU us", *(
        f"of {floor}" for floor in FLOORS))]
    found = {}
    for name, row in rows.items():
        match = re.match(r"(\w+)/in_flight:(\d+)", name)
        if match:
            found[match.groups()] = row
    order = sorted(found, key=lambda key: (int(key[1]), key[0] not in FLOORS, key[0] != FLOORS[0]))
    for call, in_flight in order:
        row = found[call, in_flight]
        rate = row["items_per_second"]
        shares = [f"{rate / found[floor, in_flight]['items_per_second']:.2f}"
                  if (floor, in_flight) in found else "-" for floor in FLOORS]
        lines.append((call, in_flight, f"{rate:,.0f}", f"{row['p50_us']:.0f}",
                      f"{row['p99_us']:.0f}", f"{micros(row, 'cpu_time'):.0f}", *shares))
        if row["failed"]:
            print(f"{call}: {row['failed']:.0f} calls failed", file=sys.stderr)
    return lines


def show(lines):
    if len(lines) < 2:
        return
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))))
    print()


def main(argv):
    if len(argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    rows = {}
    for path in argv[1:]:
        rows.update(medians(path))
    show(decisions(rows))
    show(calls(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
