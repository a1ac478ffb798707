#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both programs export spans to the OpenTelemetry collector's own OTLP receiver.

usage: collector_test.py SOURCE_DIR CACHE_DIR SERVER CLI TRAINER

scripts/setup.sh builds the receiver (tests/tracing/collector); exits 77 (skipped) where
there was no Go that could.
"""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT, CACHE = map(pathlib.Path, sys.argv[1:3])
SERVER, CLI, TRAINER = sys.argv[3:6]
VERSION = re.search(r"/otlpreceiver v(\S+)", (ROOT / "tests/tracing/collector/go.mod").read_text())[1]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
HISTORY = ["--history", "50=Star Wars (1977)", "--user", "user-s3cret"]
CANDIDATES = ["--candidate", "181=Return of the Jedi (1983)", "--candidate", "258=Contact (1997)"]


def collector():
    """The receiver's program, or None."""
    program = CACHE / f"otlp-receiver-{VERSION}" / "collector"
    return program if program.exists() else None


@contextlib.contextmanager
def receiver(program, spans):
    """Yields an endpoint; afterwards `spans` has what it received."""
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
        rest, _ = process.communicate(timeout=60)
        spans += map(json.loads, rest.splitlines())
    finally:
        process.kill()


def serve(endpoint, work):
    """Calls of a server; returns what came back."""
    free = ["--data_listen", "127.0.0.1:0", "--control_listen", "127.0.0.1:0", "--metrics_listen", "127.0.0.1:0"]
    server = subprocess.Popen([SERVER, *free, "--revision_dir", work / "revisions", "--catalog",
                               ROOT / "policy/catalogs/movies.yaml", "--otlp_endpoint", endpoint, "--trace_ratio", "1"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        ports = json.loads(server.stdout.readline())
        data, control = (f"127.0.0.1:{ports[name]}" for name in ("data_port", "control_port"))

        def attune(*words, **environment):
            done = subprocess.run([CLI, *words], check=True, capture_output=True, text=True,
                                  env={**os.environ, **environment})
            return done.stdout

        prompt = json.loads(attune("prompt", "--server", data, *HISTORY, *CANDIDATES, "--json",
                                   TRACEPARENT=f"00-{TRACE}-{CALLER}-01"))
        attune("feedback", "--server", data, "--token", prompt["decision_token"], "--reward", "1")
        pushed = attune("push", "--control", control, work / "run/revision.attune", "--activate")
        attune("activate", "--control", control, pushed.split()[0])
        return prompt
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0


def train(endpoint, work):
    subprocess.run([TRAINER, "train", "--backend", "sim", "--budget", "64", "--out", work / "run", "--catalog",
                    ROOT / "policy/catalogs/movies.yaml", "--otlp-endpoint", endpoint],
                   check=True, capture_output=True, timeout=600)


def check_server(spans, prompt):
    by_method = {span["attributes"]["rpc.method"]: span for span in spans}
    assert set(by_method) >= {"GetPrompt", "RecordFeedback", "PushRevision", "SetTraffic"}, sorted(by_method)
    get = by_method["GetPrompt"]
    assert get["name"] == "attune.v1.PromptService/GetPrompt" and get["kind"] == "Server", get
    assert (get["trace_id"], get["parent_id"]) == (TRACE, CALLER), get
    assert get["attributes"]["attune.decision_id"] == prompt["decision_id"], get
    assert get["attributes"]["attune.candidates"] == 2 and get["nanos"] > 0, get
    assert prompt["traceparent"] == f"00-{TRACE}-{get['span_id']}-01", prompt["traceparent"]
    assert get["resource"]["service.name"] == "attune_server", get
    for method in ("RecordFeedback", "PushRevision", "SetTraffic"):
        assert by_method[method]["status"] == "Unset", by_method[method]


def check_trainer(spans):
    rounds = {span["span_id"]: span for span in spans if span["name"] == "attune.round"}
    calls = [span for span in spans if span["name"] != "attune.round"]
    assert rounds and len(calls) >= 64, (len(rounds), len(calls))
    for call in calls:
        assert rounds[call["parent_id"]]["trace_id"] == call["trace_id"], call
        assert call["attributes"]["gen_ai.operation.name"] == "text_completion", call
    assert sum(span["attributes"]["attune.requests"] for span in rounds.values()) == len(calls)


def main():
    program = collector()
    if program is None:
        print("skipped: no go that can build the receiver")
        return 77
    spans, prompt = [], {}
    with tempfile.TemporaryDirectory() as name, receiver(program, spans) as endpoint:
        train(endpoint, pathlib.Path(name))
        prompt = serve(endpoint, pathlib.Path(name))
    of_server = [span for span in spans if span["resource"]["service.name"] == "attune_server"]
    of_trainer = [span for span in spans if span["resource"]["service.name"] == "attune_trainer"]
    check_server(of_server, prompt)
    check_trainer(of_trainer)
    text = json.dumps(spans)
    for secret in ("s3cret", "Star Wars", "Contact"):
        assert secret not in text, secret
    print(f"collector_test: passed; {len(of_server)} spans of the server, {len(of_trainer)} of the trainer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
