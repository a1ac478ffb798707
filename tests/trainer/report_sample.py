#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a synthetic evaluation (attune.evaluation/1) for looking at the report.

usage: report_sample.py [SEED]

Every number is made up from the seed; the data set says so. The size of the
gain depends on the seed: 1 has one that shows, 2 has none.
"""
import json
import math
import random
import sys

PATTERNS = {
    "history": ["recent_3", "recent_5", "recent_10", "nearest_5"],
    "hint": ["none", "best_1", "best_3", "best_5", "genres"],
    "reasoning": ["none", "step_by_step"],
    "role": ["none", "critic", "friend"],
    "format": ["plain", "numbered"],
}
METHODS = [  # name, kind, NDCG@10, calls to learn
    ("random", "scorer", 0.452, 0), ("popularity", "scorer", 0.468, 0),
    ("item_knn", "scorer", 0.690, 0), ("lightgcn", "scorer", 0.655, 0),
    ("sasrec", "scorer", 0.641, 0), ("default", "prompt", 0.497, 0),
    ("best_fixed", "prompt", 0.655, 300), ("grips", "prompt", 0.648, 300),
    ("rpp_published", "learner", 0.571, 300), ("a2c", "learner", 0.622, 300),
    ("ppo", "learner", 0.659, 300), ("bandit", "learner", 0.664, 300),
    ("rpp_plus", "learner", 0.660, 300), ("oracle", "oracle", 0.871, 0),
]
SLICES = {"all": (1200, 240, 0), "cold_users": (310, 120, -0.03),
          "cold_items": (260, 150, -0.05), "heavy_users": (290, 58, 0.03)}
GROUPS = {"history_length": ["1-3", "11-30", "31+", "4-10"],
          "popularity": ["high", "low", "middle"],
          "diversity": ["low", "middle", "high"],
          "margin": ["low", "middle", "high"]}


def interval(mean, half):
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def main(argv):
    seed = int(argv[1]) if len(argv) > 1 else 1
    draw = random.Random(seed)
    gain = 0.021 if seed == 1 else 0.0

    def metrics(mean, tasks, users, shift):
        half = 0.36 / users ** 0.5 * 0.9
        mean += shift + draw.gauss(0, 0.004)
        return {"tasks": tasks, "users": users, "ndcg_at_10": interval(mean, half),
                "ndcg_at_5": interval(mean - 0.06, half), "ndcg_at_1": interval(mean - 0.27, half),
                "mrr": interval(mean - 0.12, half), "hit_at_1": interval(mean - 0.27, half),
                "normalised_ndcg": round((mean - 0.454) / 0.546, 4)}

    learned = {"ppo": gain * 0.6, "bandit": gain, "rpp_plus": gain * 0.8}
    methods = [{
        "name": name, "kind": kind, "upper_bound": kind == "oracle", "train_llm_calls": calls,
        "cost": {"llm_calls": 0 if kind == "scorer" else 1200 * (18 if kind == "oracle" else 1),
                 "prompt_tokens": 0 if kind == "scorer" else 231000 * (18 if kind == "oracle" else 1),
                 "answer_tokens": 0 if kind == "scorer" else 61000 * (18 if kind == "oracle" else 1),
                 "wall_seconds": 0.2 if kind == "scorer" else round(draw.uniform(300, 420), 1),
                 "dropped": 0, "partial_parses": 0, "failed_parses": 0},
        "slices": {s: metrics(mean + learned.get(name, 0), *sizes) for s, sizes in SLICES.items()},
    } for name, kind, mean, calls in METHODS]
    compared = {"rpp_published": -0.084, "a2c": -0.033, "ppo": 0.004, "bandit": 0.009,
                "rpp_plus": 0.005, "default": -0.158}
    comparisons, shuffle = [], []
    for name, base in compared.items():
        for s, (_, users, _) in SLICES.items():
            mean = base + learned.get(name, 0) * (1.7 if s == "cold_users" else 1)
            half = 0.3 / users ** 0.5
            p = math.erfc(abs(mean) / half * 1.96 / 2 ** 0.5)
            comparisons.append({"method": name, "baseline": "best_fixed", "slice": s, "p": round(p, 4),
                                "difference": interval(mean, half), "p_holm": round(min(1, p * 6), 4)})
        if base < -0.1:
            continue
        for scope, share in (("all_users", 1), ("same_slices", 0.4)):
            shuffle.append({"method": name, "scope": scope, "slice": "all",
                            "drop": interval(learned.get(name, 0) * share + draw.gauss(0, 0.002), 0.012)})
    choices = []
    for pattern, options in PATTERNS.items():
        for group_by, groups in GROUPS.items():
            for g, group in enumerate(groups):
                weights = [1 + draw.random() for _ in options]
                if pattern == "hint":
                    weights[1 + (0 if group_by == "margin" and g == 2 else 1)] += 6
                elif pattern in ("history", "role"):
                    weights[g % len(options)] += 2.5 if group_by == "history_length" else 0.4
                else:
                    weights[0] += 9
                total = sum(weights)
                choices.append({"method": "bandit", "pattern": pattern, "group_by": group_by,
                                "group": group, "tasks": 400, "shares": [
                                    {"option": o, "share": round(w / total, 4)}
                                    for o, w in zip(options, weights)]})
    curves = []
    for name, end in (("rpp_published", 0.53), ("a2c", 0.59), ("ppo", 0.645), ("bandit", 0.655)):
        for s in range(1, 6):
            curves.append({"method": name, "seed": s, "points": [
                {"llm_calls": calls, "reward": round(0.56 + (end - 0.56) * (1 - 2.718 ** (-calls / 90))
                                                     + draw.gauss(0, 0.014), 4)}
                for calls in range(20, 301, 20)]})
    print(json.dumps({
        "schema": "attune.evaluation/1", "dataset": f"synthetic sample {seed}", "llm": "no LLM: numbers made up",
        "readout": "likelihood", "catalog": {"name": "sample", "digest": "0" * 64, "patterns": [
            {"name": p, "options": o} for p, o in PATTERNS.items()]},
        "candidates": {"count": 10, "sampling": "popularity"}, "budget": 300, "seeds": [1, 2, 3, 4, 5],
        "tasks": 1200, "users": 240, "chance": {"ndcg_at_10": 0.454}, "methods": methods,
        "comparisons": comparisons, "shuffle": shuffle,
        "headroom": [{"slice": s, "cross_fitted": interval(0.012 + gain, 0.02 + 0.008 * i),
                      "naive": interval(0.12 + 0.01 * i, 0.02), "users": 200, "targets_per_user": 4}
                     for i, s in enumerate(SLICES)],
        "option_effects": [{"pattern": p, "option": o, "mean": round(draw.gauss(0.12 if o.startswith("best") else 0, 0.015), 4),
                            "standard_error": 0.011, "between_user_deviation": round(draw.uniform(0.0, 0.05), 4),
                            "p": round(draw.random() ** 3, 4)} for p, os in PATTERNS.items() for o in os],
        "ablations": [{"name": n, "ndcg_at_10": interval(0.664 + d, 0.02), "difference": interval(d, 0.013)}
                      for n, d in (("hint frozen", -0.151), ("history frozen", -0.006), ("role frozen", 0.002),
                                   ("reward shared by the batch", -0.062), ("state without the collaborative scores", -0.019),
                                   ("T = 3", 0.003))],
        "position_curve": [{"method": m, "position": p, "ndcg_at_10": round(b + t * p + draw.gauss(0, 0.012), 4), "tasks": 120}
                           for m, b, t in (("default", 0.52, -0.005), ("best_fixed", 0.66, -0.001), ("bandit", 0.675, -0.001))
                           for p in range(10)],
        "choices": choices, "learning_curves": curves}))


if __name__ == "__main__":
    main(sys.argv)
