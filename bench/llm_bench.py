#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The embedded LLM inside the trainer beside llama.cpp's own benchmark.

usage: llm_bench.py --bench LLM_BENCH --trainer ATTUNE_TRAINER --tool LLAMA_BENCH
                    --weights DIR --catalog FILE --out FILE -- LLM_BENCH_ARGUMENT...

llama-bench evaluates prompts of random tokens with the copy of the model that the
trainer answers with, before and after the trainer, once for each prompt length and
number of threads. Its best setting counts, as the mean of both times.

Then what everything but the LLM costs: trainings on the simulator, whose LLM takes
1 ms a ranking and no CPU, and the share of their time in which it had nothing to do.
"""
import argparse
import glob
import json
import os
import re
import subprocess
import tempfile

LENGTHS = "64,128,256,512"


def tool(args):
    """Returns {(tokens, threads): tokens per second}."""
    copies = sorted(glob.glob(os.path.join(args.weights, "*.bf16.gguf")) or
                    glob.glob(os.path.join(args.weights, "*.q8_0.gguf")))
    threads = ",".join(str(n) for n in sorted({1, os.cpu_count()}))
    out = subprocess.run(
        [args.tool, "-m", copies[0], "-p", LENGTHS, "-n", "0", "-t", threads,
         "-r", "5", "-o", "json"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return {(row["n_prompt"], row["n_threads"]): row["avg_ts"]
            for row in json.loads(out)}


def idle_share(args, learner):
    """The share of a training's time in which the simulated LLM waited."""
    with tempfile.TemporaryDirectory() as directory:
        said = subprocess.run(
            [args.trainer, "train", "--backend", "sim", "--sim-rate", "1000",
             "--budget", "3008", "--learner", learner, "--catalog", args.catalog,
             "--out", directory],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True).stderr
    return float(re.search(r"in ([0-9.]+) % of which the LLM", said)[1]) / 100


def main():
    parser = argparse.ArgumentParser()
    for name in ("bench", "trainer", "tool", "weights", "catalog", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("rest", nargs="*")
    args = parser.parse_args()
    rest = ["--catalog", args.catalog, *args.rest]
    # Makes the copy of the model if it is not there.
    subprocess.run([args.bench, "--tasks", "1", "--choices", "1", "--budget", "0",
                    *rest, "--lightgcn-epochs", "1"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = tool(args)
    measured = json.loads(subprocess.run(
        [args.bench, *rest], check=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL).stdout)
    after = tool(args)
    speeds = {key: (before[key] + after[key]) / 2 for key in before}
    best = max(speeds, key=speeds.get)
    result = {
        **measured,
        "tool": {"tokens_per_second": speeds[best], "prompt_tokens": best[0],
                 "threads": best[1],
                 "before": before[best], "after": after[best]},
        "utilisation": measured["training"]["tokens_per_second"] / speeds[best],
        "sim_idle_share": {learner: idle_share(args, learner)
                           for learner in ("bandit", "ppo", "a2c")},
    }
    with open(args.out, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    choices = measured["choices"]
    for name, run in (("training run", measured["training"]),
                      (f"{choices['choices']} choices, shared", measured["sharing"])):
        print(f"{name:19}{run['tokens_per_second']:8.0f} tokens/s "
              f"{run['rankings_per_second']:6.1f} rankings/s, "
              f"{run['reused_share']:.2f} of the prompt tokens reused")
    print(f"llama-bench        {speeds[best]:8.0f} tokens/s "
          f"(best: {best[0]} tokens, {best[1]} threads)")
    print(f"utilisation        {result['utilisation']:8.2f}")
    for learner, share in result["sim_idle_share"].items():
        print(f"LLM idle at 1,000 rankings/s: {learner:7}{100 * share:6.2f} %")
    print(f"{choices['choices']} choices a task   {choices['tokens_per_second']:8.0f} "
          f"tokens/s {choices['rankings_per_second']:6.1f} rankings/s, "
          f"{choices['reused_share']:.2f} of the prompt tokens reused")


if __name__ == "__main__":
    main()
