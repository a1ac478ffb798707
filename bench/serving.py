#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures serving beside a handler that does nothing; every row in one run.

usage: serving.py --build DIR --out FILE [--generated DIR] [--ghz GHZ] [--python PYTHON]
                  [--repetitions 5] [--seconds 2] [--rows 1,2,3,4,5,6] [--items 10000000]

Client and servers share the machine's cores. What is compared is measured in turn,
several times; a figure is the median of the repetitions, a ratio the median of the
ratios of measurements that followed each other. Latencies at a given load are those
of an open loop, from the time at which a call was due. Around a swap and during an arrival
it is the p99 of quarter seconds beside quarter seconds, because p99 of a longer time is
larger; that of all calls at once is shown too.
"""
import argparse
import bisect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def log(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values) if values else float("nan")


def spread(values):
    return [min(values), max(values)] if values else []


class Process:
    """A server that prints its ports as JSON."""

    def __init__(self, command, **settings):
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, **settings)
        line = self.process.stdout.readline()
        self.start_seconds = time.monotonic() - self.started
        if not line:
            raise RuntimeError("does not start: " + " ".join(command))
        self.ports = json.loads(line)

    @property
    def port(self):
        return self.ports["data_port"]

    def resident_bytes(self, kind="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(kind + ":"):
                    return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, args):
        self.args = args
        self.dir = tempfile.TemporaryDirectory(prefix="attune-serving-")
        # What servers and load are started through.
        self.on_servers_cores, self.on_loads_cores = [], []
        self.load = os.path.join(args.build, "bench", "serving_load")
        self.servers = []
        self.result = {"machine": machine(), "repetitions": args.repetitions,
                       "seconds": args.seconds, "rows": {}}

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def run(self, *arguments):
        done = subprocess.run([*self.on_loads_cores, self.load, *map(str, arguments)], check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    def artifact(self, name, *arguments):
        path = self.path(name)
        if not os.path.exists(path):
            subprocess.run([self.load, "artifact", "--out", path, *map(str, arguments)], check=True)
        return path

    def start(self, command):
        self.servers.append(Process(command))
        return self.servers[-1]

    def server(self, name, artifact=None, **settings):
        any_port = "127.0.0.1:0"
        command = [*self.on_servers_cores,
                   os.path.join(self.args.build, "server", "attune_server"),
                   "--catalog", os.path.join(ROOT, "policy", "catalogs", "movies.yaml"),
                   "--revision_dir", self.path(name), "--log_level", "error"]
        for listener in ("data", "control", "metrics"):
            command += [f"--{listener}_listen", any_port]
        for key, value in settings.items():
            command += [f"--{key}", str(value)]
        server = self.start(command)
        if artifact:
            self.push(server, artifact)
        return server

    def push(self, server, artifact, activate=True, elsewhere=False):
        """`elsewhere`: as if the pusher had a machine of its own, as far as one can."""
        command = ["chrt", "--idle", "0"] if elsewhere else []
        command += [os.path.join(self.args.build, "client", "attune"), "push", artifact, "--json",
                    "--control", f"127.0.0.1:{server.ports['control_port']}", "--timeout", "300"]
        done = subprocess.run(command + (["--activate"] if activate else []), check=True,
                              stdout=subprocess.PIPE, text=True)
        answer = json.loads(done.stdout)
        return answer.get("revision", answer)["revision_id"]

    def closed(self, server, **more):
        flags = {"in-flight": 64, "seconds": self.args.seconds, **more}
        return self.run("closed", "--port", server.port,
                        *(x for k, v in flags.items() for x in (f"--{k}", v)))

    def open(self, server, rate, seconds=None, *more):
        return self.run("open", "--port", server.port, "--rate", rate, "--seconds",
                        seconds or self.args.seconds, *more)

    def settled_calls(self, server, rate, seconds):
        """Latencies of an open loop but for its first half second: a client that begins finds
        everything cold, a hundred milliseconds' calls wait, and that is not the server's doing."""
        path = self.path("calls")
        self.open(server, rate, seconds + 2 * WINDOW / 1e6, "--calls", path)
        calls = Calls(path)
        return calls.between(calls.due[0] + 2 * WINDOW, float("inf"))

    def stop_all(self):
        for server in self.servers:
            server.stop()
        self.servers = []

    def floors(self, attune):
        """The typed and the raw floor, answering what attune answers."""
        answer = self.path("answer")
        if not os.path.exists(answer):
            subprocess.run([self.load, "answer", "--port", str(attune.port), "--out", answer],
                           check=True)
        floor = os.path.join(self.args.build, "bench", "floor_server")
        return self.start([floor, answer]), self.start([floor, answer, "raw"])

    # The rows. Each returns its figures.

    def row_throughput(self):
        attune = self.server("throughput", self.artifact("small"))
        typed, raw = self.floors(attune)
        servers = {"attune": attune, "empty": typed, "raw": raw}
        rates = {name: [] for name in servers}
        for _ in range(self.args.repetitions):
            for name, server in servers.items():
                rates[name].append(self.closed(server)["calls_per_second"])
        row = {"calls_per_second": {k: median(v) for k, v in rates.items()},
               "spread": {k: spread(v) for k, v in rates.items()},
               "of_empty": median([a / b for a, b in zip(rates["attune"], rates["empty"])]),
               "of_raw": median([a / b for a, b in zip(rates["attune"], rates["raw"])])}
        half = 0.5 * row["calls_per_second"]["attune"]
        found = {name: {"p50_us": [], "p99_us": []} for name in servers}
        # Short turns: what the machine does beside us spoils few of them.
        for _ in range(4 * self.args.repetitions):
            for name, server in servers.items():
                settled = self.settled_calls(server, half, self.args.seconds / 2)
                found[name]["p50_us"].append(median(settled))
                found[name]["p99_us"].append(p99(settled))
        row["open_loop_rate"] = half
        row["latency_us"] = {n: {k: median(v) for k, v in f.items()} for n, f in found.items()}
        for key in ("p50_us", "p99_us"):
            row[key + "_of_empty"] = median(
                [a / b for a, b in zip(found["attune"][key], found["empty"][key])])
        row["ghz"] = self.ghz(servers)
        self.stop_all()
        return row

    def ghz(self, servers):
        """Calls per second by a client that is none of ours."""
        if not self.args.ghz:
            return None
        request = self.path("request")
        subprocess.run([self.load, "request", "--out", request], check=True)
        rates = {name: [] for name in servers}
        for _ in range(self.args.repetitions):
            for name, server in servers.items():
                done = subprocess.run(
                    [self.args.ghz, "--insecure", "--call", "attune.v1.PromptService.GetPrompt",
                     "--proto", os.path.join(ROOT, "proto", "attune", "v1", "prompt_service.proto"),
                     "--import-paths", f"{os.path.join(ROOT, 'proto')},{self.args.googleapis}",
                     "--binary-file", request, "-c", "32", "--connections", "8",
                     "-z", f"{self.args.seconds}s", "--duration-stop", "wait", "-O", "json",
                     f"127.0.0.1:{server.port}"],
                    check=True, stdout=subprocess.PIPE, text=True)
                rates[name].append(json.loads(done.stdout)["rps"])
        return {"calls_per_second": {k: median(v) for k, v in rates.items()},
                "of_empty": median([a / b for a, b in zip(rates["attune"], rates["empty"])])}

    def row_stream(self):
        attune = self.server("stream", self.artifact("small"))
        unary, stream = [], []
        for _ in range(self.args.repetitions):
            unary.append(self.run("unary", "--port", attune.port, "--in-flight", 64,
                                  "--seconds", self.args.seconds)["prompts_per_second"])
            stream.append(self.run("stream", "--port", attune.port, "--streams", 4, "--batch", 64,
                                   "--seconds", self.args.seconds)["prompts_per_second"])
        self.stop_all()
        return {"unary_per_second": median(unary), "stream_per_second": median(stream),
                "stream_of_unary": median([s / u for s, u in zip(stream, unary)])}

    def row_decision(self):
        out = self.path("decide.json")
        subprocess.run([os.path.join(self.args.build, "bench", "decide_bench"),
                        "--benchmark_filter=DecideBench/(Served|Decide|Validate|Encode|Heads|Render)",
                        f"--benchmark_repetitions={self.args.repetitions}",
                        "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.2",
                        "--benchmark_report_aggregates_only=true", "--benchmark_out_format=json",
                        f"--benchmark_out={out}"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(out, encoding="utf-8") as file:
            rows = json.load(file)["benchmarks"]
        row = {row["run_name"]: row["cpu_time"] / 1e3 for row in rows
               if row.get("aggregate_name") == "median"}
        served = row["DecideBench/Served/heads:3"]
        return {"with_validation_us": served,
                "alone_us": served - row["DecideBench/Validate/heads:3"], "parts_us": row}

    def row_python(self):
        if not self.args.python:
            return {"left_out": "no Python with grpc, numpy and torch"}
        attune = self.server("python", self.artifact("small"))
        servers = {"attune": attune}
        for engine in ("numpy", "torch"):
            servers[engine] = self.start([
                self.args.python, os.path.join(ROOT, "bench", "python_server.py"),
                self.artifact("small"), self.args.generated, engine])
        rates = {name: [] for name in servers}
        for _ in range(self.args.repetitions):
            for name, server in servers.items():
                rates[name].append(self.closed(server, **{"in-flight": 32})["calls_per_second"])
        self.stop_all()
        row = {"calls_per_second": {k: median(v) for k, v in rates.items()}}
        for name in ("numpy", "torch"):
            row["times_" + name] = median([a / b for a, b in zip(rates["attune"], rates[name])])
        return row

    def row_swap(self):
        attune = self.server("swap", self.artifact("small"))
        first = self.push(attune, self.artifact("small"))
        second = self.push(attune, self.artifact("other", "--items", 1500))
        rate = 0.7 * median([self.closed(attune)["calls_per_second"] for _ in range(3)])
        swaps, arrivals = [], []
        for i in range(self.args.repetitions):
            calls = self.path("calls")
            run = self.open(attune, rate, 24, "--calls", calls, "--control-port",
                            attune.ports["control_port"], "--swap", first, "--swap", second)
            swaps.append(around_swaps(Calls(calls), run["swaps_us"]))
            large = self.artifact(f"large{i}", "--items", 195_000 + i)
            loader = subprocess.Popen(
                [self.load, "open", "--port", str(attune.port), "--rate", str(rate), "--seconds",
                 "20", "--calls", calls], stdout=subprocess.DEVNULL)
            time.sleep(4)
            begin = time.time()
            self.push(attune, large, activate=False, elsewhere=True)
            end = time.time()
            loader.wait()
            arrivals.append(while_arriving(Calls(calls), begin * 1e6, end * 1e6))
            arrival_bytes = os.path.getsize(large)
            os.unlink(large)
        self.stop_all()
        swap, arrival = Comparison(swaps), Comparison(arrivals)
        return {"rate": rate, "steady_p99_us": swap.steady, "swaps": swap.windows,
                "swap_p99_of_steady": swap.of_steady, "swap_pooled": swap.pooled,
                "arrival_bytes": arrival_bytes, "arrival_windows": arrival.windows,
                "arrival_p99_of_steady": arrival.of_steady, "arrival_pooled": arrival.pooled}

    def row_table(self):
        items = self.args.items
        large = self.artifact("table-artifact", "--items", items)
        settings = {"max_revision_bytes": 8 << 30, "push_bytes_per_second": 0}
        begin = time.monotonic()
        attune = self.server("table", large, **settings)
        row = {"items": items, "bytes": os.path.getsize(large),
               "install_seconds": time.monotonic() - begin}
        os.unlink(large)
        attune.stop()
        starts = []
        for _ in range(self.args.repetitions):
            attune = self.server("table", **settings)
            starts.append(attune.start_seconds)
            if len(starts) < self.args.repetitions:
                attune.stop()
        row["start_seconds"] = median(starts)
        small = self.server("table-small", self.artifact("small"))
        flags = {"items": items}
        # What is read stays in memory from here on, and so does what the allocator keeps at hand.
        self.closed(attune, seconds=20, **flags)
        ratios, calls = [], 0
        before = self.settled_bytes(attune)
        for _ in range(self.args.repetitions):
            a = self.closed(attune, **flags)["calls_per_second"]
            b = self.closed(small)["calls_per_second"]
            ratios.append(a / b)
            calls += a * self.args.seconds
        for _ in range(6):
            calls += 10 * self.closed(attune, seconds=10, **flags)["calls_per_second"]
        growth = self.settled_bytes(attune) - before
        row.update({"throughput_of_small": median(ratios), "calls": calls,
                    "growth_bytes_per_million": growth / calls * 1e6,
                    "resident_bytes": attune.resident_bytes()})
        self.stop_all()
        return row

    def settled_bytes(self, server):
        """Resident without what the allocator keeps for ten seconds for the next peak; it gives
        back when it is called."""
        time.sleep(11)
        self.closed(server, **{"in-flight": 1, "seconds": 1})
        return server.resident_bytes("RssAnon")

    def row_overload(self):
        """Of wide heads, whose answers cost many times a refusal, server and load on a core each:
        a load that takes the server's time is no load from elsewhere. Beside it both on both
        cores: answers of a sixth of that time, and usual ones, which cost as much as any call:
        refusing them saves nothing."""
        if os.cpu_count() > 1:
            self.on_servers_cores = ["taskset", "-c", "0"]
            self.on_loads_cores = ["taskset", "-c", "1"]
        # Few in flight: within --max_wait such a server answers seven, and a closed loop that is
        # refused counts refusals.
        row = self.overload("wide", 4, "--hidden", 4096, "--dim", 512)
        self.on_servers_cores, self.on_loads_cores = [], []
        row["shared"] = self.overload("slow", 64, "--hidden", 4096)
        row["usual"] = self.overload("small", 64)
        self.stop_all()
        return row

    def overload(self, name, in_flight, *world):
        attune = self.server("overload-" + name, self.artifact(name, *world),
                             max_revision_bytes=128 << 20, push_bytes_per_second=0)
        peaks, kept, refused, back, calm = [], [], [], [], []
        for _ in range(self.args.repetitions):
            peak = self.closed(attune, **{"in-flight": in_flight})["calls_per_second"]
            calm.append(self.open(attune, 0.5 * peak, 2)["p99_us"])
            over = self.open(attune, 3 * peak, 4)
            kept.append(over["codes"].get("0", 0) / 4 / peak)
            refused.append(over["refused"]["p99_us"] / 1e3)
            back.append(self.open(attune, 0.5 * peak, 2)["p99_us"] / calm[-1])
            peaks.append(peak)
        attune.stop()
        return {"peak_per_second": median(peaks), "goodput_of_peak": median(kept),
                "refused_p99_ms": median(refused), "calm_p99_us": median(calm),
                "p99_after_of_before": median(back), "codes_of_last": over["codes"]}


WINDOW = 250_000  # us


class Calls:
    """The calls of an open loop, by the time at which they were due, in us."""

    def __init__(self, path):
        with open(path, encoding="ascii") as file:
            rows = sorted(tuple(map(float, line.split()[:2])) for line in file)
        self.due = [due for due, _ in rows]
        self.latency = [latency for _, latency in rows]

    def between(self, begin, end):
        return self.latency[bisect.bisect_left(self.due, begin):
                            bisect.bisect_left(self.due, end)]

    def windows(self, begin, end):
        """The calls of each whole window, at least of one."""
        count = max(1, int((end - begin) // WINDOW))
        windows = (self.between(begin + i * WINDOW, begin + (i + 1) * WINDOW)
                   for i in range(count))
        return [window for window in windows if window]


def around_swaps(calls, times):
    """The windows around each swap, and those half way to the next."""
    return ([w for t in times for w in calls.windows(t - WINDOW / 2, t + WINDOW / 2)],
            [w for t in times for w in calls.windows(t + 1.5 * WINDOW, t + 4.5 * WINDOW)])


def while_arriving(calls, begin, end):
    """The windows from `begin` to `end`, and those of three seconds before and after."""
    before = calls.windows(begin - 12 * WINDOW, begin)
    return calls.windows(begin, end), before + calls.windows(end + WINDOW, end + 13 * WINDOW)


class Comparison:
    """p99 of the windows in which something happened beside that of the others, as medians over
    all runs; `pooled` is the ratio of all calls of the one kind to all of the other."""

    def __init__(self, runs):
        near, far = ([p99(w) for run in runs for w in run[kind]] for kind in (0, 1))
        self.windows = len(near)
        self.steady = median(far)
        self.of_steady = median(near) / self.steady
        self.pooled = median([p99(sum(near, [])) / p99(sum(far, [])) for near, far in runs])


def p99(values):
    values = sorted(values)
    return values[int(0.99 * (len(values) - 1))] if values else float("nan")


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return {"cores": os.cpu_count(), "cpu": model[0] if model else "unknown",
            "kernel": os.uname().release, "load_before": os.getloadavg()[0]}


ROWS = {"1": ["throughput"], "2": ["stream", "decision"], "3": ["python"], "4": ["swap"],
        "5": ["table"], "6": ["overload"]}


def table(rows):
    """What was asked beside what was measured: (name, measured, asked)."""
    lines = [("", "measured", "asked")]

    def add(name, row, key, asked, form="{:.2f}"):
        value = rows.get(row, {}) or {}
        for part in key.split("."):
            value = (value or {}).get(part)
        if value is not None:
            lines.append((name, form.format(value), asked))

    number = "{:,.0f}"
    add("GetPrompt calls/s, 64 in flight", "throughput", "calls_per_second.attune", "", number)
    add("  of an empty handler's", "throughput", "of_empty", ">= 0.85")
    add("  of an empty handler's on raw bytes", "throughput", "of_raw", "")
    add("  of an empty handler's, by ghz", "throughput", "ghz.of_empty", ">= 0.85")
    add("p50 at half load, of the empty handler's", "throughput", "p50_us_of_empty", "<= 1.25")
    add("p99 at half load, of the empty handler's", "throughput", "p99_us_of_empty", "<= 1.50")
    add("p99 at half load, us", "throughput", "latency_us.attune.p99_us", "", number)
    add("StreamPrompts prompts/s", "stream", "stream_per_second", "", number)
    add("  of unary", "stream", "stream_of_unary", ">= 4")
    add("decision alone, us", "decision", "alone_us", "< 5")
    add("  with the validation of its request", "decision", "with_validation_us", "")
    add("times a Python server with numpy", "python", "times_numpy", "", "{:.1f}")
    add("times a Python server with torch", "python", "times_torch", ">= 15", "{:.1f}")
    add("p99 around a swap, of steady", "swap", "swap_p99_of_steady", "<= 1.10")
    add("  of all calls at once", "swap", "swap_pooled", "")
    add("p99 while 64 MB arrive, of steady", "swap", "arrival_p99_of_steady", "<= 1.25")
    add("  of all calls at once", "swap", "arrival_pooled", "")
    add("start-up with the large item table, s", "table", "start_seconds", "< 1")
    add("  growth per million calls, MB", "table", "growth_mb_per_million", "< 1")
    add("  throughput of the small table's", "table", "throughput_of_small", ">= 0.90")
    add("goodput at 3 times capacity, of peak", "overload", "goodput_of_peak", ">= 0.90")
    add("  p99 of refusals, ms", "overload", "refused_p99_ms", "< 5")
    add("  p99 at once afterwards, of before", "overload", "p99_after_of_before", "")
    add("  goodput, load and server on all cores", "overload", "shared.goodput_of_peak", "")
    add("    p99 of refusals, ms", "overload", "shared.refused_p99_ms", "")
    add("  goodput where an answer costs a call", "overload", "usual.goodput_of_peak", "")
    return lines


def show(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    for name, measured, asked in lines:
        print(f"{name:<{widths[0]}}  {measured:>{widths[1]}}  {asked:<{widths[2]}}".rstrip())


def row_numbers(text):
    rows = text.split(",")
    if unknown := set(rows) - set(ROWS):
        raise argparse.ArgumentTypeError(
            f"{', '.join(sorted(unknown))}: not among {', '.join(ROWS)}")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("build", "out"):
        parser.add_argument("--" + name, required=True)
    for name in ("generated", "ghz", "python", "googleapis"):
        parser.add_argument("--" + name, default="")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rows", type=row_numbers, default=list(ROWS))
    parser.add_argument("--items", type=int, default=10_000_000)
    bench = Bench(parser.parse_args())
    rows = bench.result["rows"]
    try:
        for row in bench.args.rows:
            for name in ROWS[row]:
                log(f"row {row}: {name}")
                rows[name] = getattr(bench, "row_" + name)()
                with open(bench.args.out, "w", encoding="utf-8") as file:
                    json.dump(bench.result, file, indent=1)
    finally:
        bench.stop_all()
    if "table" in rows:
        rows["table"]["growth_mb_per_million"] = rows["table"]["growth_bytes_per_million"] / 1e6
    bench.result["machine"]["load_after"] = os.getloadavg()[0]
    with open(bench.args.out, "w", encoding="utf-8") as file:
        json.dump(bench.result, file, indent=1)
    show(table(rows))


main()
