#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the demo's summary.json and its picture from what the programs left.

usage: demo_report.py DEMO_DIR

Reads DEMO_DIR/{facts,evaluation,comparison,load}.json and DEMO_DIR/run/metrics.jsonl;
writes DEMO_DIR/summary.json and DEMO_DIR/demo.png, and prints the verdict.
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

INK, MUTED, LLM, BASE, CHANCE = "#1f2933", "#7b8794", "#2563eb", "#9aa5b1", "#d64545"


def read_json(path):
    return json.loads(path.read_text())


def learning_curve(rounds, window=5):
    """Points (LLM rankings, mean reward of the last `window` rounds)."""
    points = []
    for i in range(len(rounds)):
        recent = rounds[max(0, i - window + 1): i + 1]
        samples = sum(r["samples"] for r in recent)
        if samples:
            mean = sum(r["reward"] * r["samples"] for r in recent) / samples
            points.append((rounds[i]["rankings"], mean))
    return points


def ndcg_of(method):
    """NDCG@10 over all test users, with its interval."""
    return method["slices"]["all"]["ndcg_at_10"]


def draw(summary, rounds, path):
    """Left: the learning curve. Right: every method with its interval."""
    plt.rcParams.update({"font.size": 10, "text.color": INK, "axes.edgecolor": MUTED,
                         "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK})
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), width_ratios=[1, 1.25])
    chance = summary["chance_ndcg_at_10"]
    left.plot([r["rankings"] for r in rounds], [r["reward"] for r in rounds],
              ".", color=BASE, label="one round")
    left.plot(*zip(*learning_curve(rounds)), color=LLM, lw=2, label="mean of 5 rounds")
    left.axhline(chance, color=CHANCE, lw=1, ls="--")
    left.text(rounds[0]["rankings"], chance, "chance", color=CHANCE, va="bottom", fontsize=9)
    left.set(xlabel="LLM rankings spent on training", ylabel="reward (NDCG@10)",
             title="Learning, train users")
    left.legend(frameon=False, loc="upper right", ncols=2)
    left.margins(y=0.15)
    methods = summary["methods"][::-1]
    for y, method in enumerate(methods):
        ndcg = ndcg_of(method)
        color = BASE if method["kind"] == "scorer" else LLM
        right.barh(y, ndcg["mean"], color=color, height=0.62,
                   alpha=1.0 if method["name"] == "policy" else 0.55)
        right.plot([ndcg["low"], ndcg["high"]], [y, y], color=INK, lw=1.4)
        right.text(ndcg["high"] + 0.008, y, f"{ndcg['mean']:.3f}", va="center", fontsize=9)
    right.axvline(chance, color=CHANCE, lw=1, ls="--")
    right.set_yticks(range(len(methods)), [m["name"] for m in methods])
    right.set(xlabel="NDCG@10 of 10 candidates, 95 % interval",
              title=f"{summary['test_users']} test users (blue: through the LLM)",
              xlim=(0, max(ndcg_of(m)["high"] for m in methods) * 1.12))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{summary['dataset']}, {summary['model']['file']}", color=MUTED, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def verdict(comparisons):
    """One sentence a paired comparison of the policy."""
    lines = []
    for d in comparisons:
        if d["method"] != "policy" or d["slice"] != "all":
            continue
        n = d["difference"]
        word = "above" if n["low"] > 0 else "below" if n["high"] < 0 else "not different from"
        lines.append(f"policy is {word} {d['baseline']}: {n['mean']:+.3f} "
                     f"[{n['low']:+.3f}, {n['high']:+.3f}] NDCG@10, paired over users")
    return lines


def main(argv):
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    demo = pathlib.Path(argv[1])
    evaluation = read_json(demo / "evaluation.json")
    rounds = [json.loads(line) for line in (demo / "run/metrics.jsonl").read_text().splitlines()]
    rounds = [r for r in rounds if r.get("kind", "round") == "round"]
    summary = read_json(demo / "facts.json")
    users = read_json(demo / "comparison.json")["users"]
    summary.update({
        "test_users": evaluation["users"],
        "candidates": evaluation["candidates"]["count"],
        "chance_ndcg_at_10": evaluation["chance"]["ndcg_at_10"],
        "methods": evaluation["methods"],
        "comparisons": evaluation["comparisons"],
        "shuffle": evaluation["shuffle"],
        "llm": {
            "training_rankings": rounds[-1]["rankings"],
            "training_calls": rounds[-1]["llm_calls"],
            "evaluation_calls": sum(m["cost"]["llm_calls"] for m in evaluation["methods"])
            + sum(found["llm_rankings"] for found in evaluation["found_prompts"]),
            "prompt_tokens": rounds[-1]["prompt_tokens"]
            + sum(m["cost"]["prompt_tokens"] for m in evaluation["methods"]),
            "answer_tokens": rounds[-1]["answer_tokens"]
            + sum(m["cost"]["answer_tokens"] for m in evaluation["methods"]),
        },
        "best_fixed": evaluation["found_prompts"][0],
        "swap_under_load": read_json(demo / "load.json"),
        "prompt": users[0]["after"]["prompt"],
        "users": users,
        "verdict": verdict(evaluation["comparisons"]),
    })
    (demo / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    draw(summary, rounds, demo / "demo.png")
    print("\n".join(summary["verdict"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
