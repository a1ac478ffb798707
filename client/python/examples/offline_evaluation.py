# SPDX-License-Identifier: Apache-2.0
"""What the decision log says of its revisions: mean rewards, and off-policy estimates.

    offline_evaluation.py --control localhost:50052
    offline_evaluation.py --log week.attlog --revision serving.attune --trainer attune_trainer

For each revision in the log it prints what its decisions earned and what two other
policies would have earned on the same requests: the revision without exploration
(``greedy``), and options drawn uniformly (``uniform``). Both can be valued from the log
alone, since every decision carries each option's probability. A revision that has not
decided needs its own probabilities, so its weights: that is `attune_trainer ope`, which
also is doubly robust and refuses a log that cannot say. With --trainer and --revision
its ``greedy`` estimates are printed beside ours.

Needs ``pip install 'client/python[pandas]'`` (in the source tree).
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import pandas

import attune

TARGETS = ("greedy", "uniform")


def read_log(arguments):
    """The decisions that were sampled, shown to someone and rewarded."""
    if arguments.log:
        decisions = attune.log.read_file(arguments.log)
        frame = attune.log.to_dataframe(decisions)
    else:
        with attune.Client(control_target=arguments.control) as client:
            frame = attune.log.to_dataframe(client.read_decisions(only_with_feedback=True))
    usable = frame.reward.notna() & (frame["mode"] == "sample") & (frame.role != "shadow")
    return frame[usable]


def target_probability(target, row, pattern):
    """With what probability the target takes the option that was taken."""
    probabilities = row[f"probabilities_{pattern}"]
    if target == "uniform":
        return 1 / len(probabilities)
    return float(row[f"option_{pattern}"] == probabilities.index(max(probabilities)))


def weights(frame, target):
    """Importance weights: the product over patterns of the target's probability of the
    logged option over the logged one, each given the options before it."""
    # A catalog with fewer patterns leaves the others empty.
    patterns = [c.split("_")[1] for c in frame.columns if c.startswith("option_")]
    return numpy.array([
        math.prod(
            target_probability(target, row, k) / row[f"propensity_{k}"]
            for k in patterns
            if pandas.notna(row[f"option_{k}"])
        )
        for _, row in frame.iterrows()
    ])  # fmt: skip


def standard_error(influence, users):
    """Of a mean, with all decisions of a user as one cluster."""
    # A decision without a user is its own.
    clusters = [user or f"decision {i}" for i, user in enumerate(users)]
    sums = pandas.Series(influence).groupby(clusters).sum()
    count = len(sums)
    if count < 2:
        return math.nan
    return math.sqrt(count / (count - 1) * float((sums**2).sum())) / len(influence)


def estimate(rewards, weight, users):
    """IPS, SNIPS and the effective sample size of one target."""
    ips = float(numpy.mean(weight * rewards))
    mean_weight = float(numpy.mean(weight))
    snips = ips / mean_weight if mean_weight > 0 else math.nan
    return {
        "ips": ips,
        "ips_se": standard_error(weight * rewards - ips, users),
        "snips": snips,
        "snips_se": standard_error(weight * (rewards - snips) / mean_weight, users)
        if mean_weight > 0
        else math.nan,
        "mean_weight": mean_weight,
        "effective": float(weight.sum() ** 2 / (weight**2).sum()) if mean_weight > 0 else 0.0,
    }


def evaluate(frame):
    """One row per revision and policy."""
    rows = []
    for revision, part in frame.groupby("revision"):
        rewards, users = part.reward.to_numpy(), list(part.user)
        for target in ("logged", *TARGETS):
            weight = numpy.ones(len(part)) if target == "logged" else weights(part, target)
            row = {"revision": revision, "policy": target, "decisions": len(part)}
            rows.append({**row, **estimate(rewards, weight, users)})
    return pandas.DataFrame(rows)


def ask_trainer(arguments):
    """The greedy estimates of `attune_trainer ope`, by name; None if it refuses."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "ope.json"
        command = [arguments.trainer, "ope", "--log", arguments.log, "--greedy"]
        command += ["--revision", arguments.revision, "--json", out]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"attune_trainer ope: {done.stderr.strip()}", file=sys.stderr)
            return None
        report = json.loads(out.read_text())
    print(f"\nattune_trainer ope --greedy of {report['revision']}:")
    found = {}
    for row in report["estimates"]:
        found[row["estimator"]] = row["value"]["value"]
        value = row["value"]
        print(f"  {row['estimator']:15} {value['value']:.4f} +- {value['standard_error']:.4f}")
    return found


def main(argv=None):
    """Returns the exit code: 1 if the log has nothing to say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", help="a file of `attune export-log`")
    parser.add_argument("--control", default="127.0.0.1:50052", help="else: the control plane")
    parser.add_argument("--trainer", help="attune_trainer, to compare with (needs --log)")
    parser.add_argument("--revision", help="the artifact of the revision in the log")
    arguments = parser.parse_args(argv)
    frame = read_log(arguments)
    if frame.empty:
        print("no sampled decision with a reward", file=sys.stderr)
        return 1
    table = evaluate(frame)
    print(table.to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    thin = table[(table.policy != "logged") & (table.effective < 100)]
    for _, row in thin.iterrows():
        print(f"note: {row.revision} {row.policy}: too few decisions alike to be believed")
    if arguments.trainer and arguments.revision and arguments.log:
        ask_trainer(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
