#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The embedded LLM inside the trainer beside llama.cpp's own benchmark.

usage: llm_bench.py --bench LLM_BENCH --tool LLAMA_BENCH --weights DIR --out FILE
                    -- LLM_BENCH_ARGUMENT...

llama-bench evaluates prompts of random tokens with the copy of the model that the
trainer answers with, before and after the trainer, once for each prompt length and
number of threads. Its best setting counts, as the mean of both times.
"""
import argparse
import glob
import json
import os
import subprocess

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


def main():
    parser = argparse.ArgumentParser()
    for name in ("bench", "tool", "weights", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("rest", nargs="*")
    args = parser.parse_args()
    # Makes the copy of the model if it is not there.
    subprocess.run([args.bench, "--tasks", "1", "--choices", "1", "--budget", "0",
                    *args.rest, "--lightgcn-epochs", "1"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = tool(args)
    measured = json.loads(subprocess.run(
        [args.bench, *args.rest], check=True, stdout=subprocess.PIPE,
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
    }
    with open(args.out, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    training, choices = measured["training"], measured["choices"]
    print(f"training run       {training['tokens_per_second']:8.0f} tokens/s "
          f"{training['rankings_per_second']:6.1f} rankings/s")
    print(f"llama-bench        {speeds[best]:8.0f} tokens/s "
          f"(best: {best[0]} tokens, {best[1]} threads)")
    print(f"utilisation        {result['utilisation']:8.2f}")
    print(f"{choices['choices']} choices a task   {choices['tokens_per_second']:8.0f} "
          f"tokens/s {choices['rankings_per_second']:6.1f} rankings/s, "
          f"{choices['reused_share']:.2f} of the prompt tokens reused")


if __name__ == "__main__":
    main()
