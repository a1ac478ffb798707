# SPDX-License-Identifier: Apache-2.0
"""The examples, run: against the real server, a fake LLM and the trainer."""

import contextlib
import http.server
import json
import random
import re
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import httpx
import pytest
import uvicorn
from conftest import CANDIDATES, HISTORY, ROOT, binary

import attune

EXAMPLES = ROOT / "client/python/examples"
sys.path.insert(0, str(EXAMPLES))

import fastapi_recommender  # noqa: E402
import offline_evaluation  # noqa: E402


class FakeLlm(http.server.BaseHTTPRequestHandler):
    """Chat completions that rank the displayed candidates from last to first."""

    asked: ClassVar[list] = []
    status = 200

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        FakeLlm.asked.append((self.path, body))
        text = "\n".join(message["content"] for message in body["messages"])
        labels = re.findall(r"^([A-Z])\. ", text, re.MULTILINE)
        answer = {"choices": [{"message": {"content": "\n".join(reversed(labels))}}]}
        data = json.dumps(answer).encode()
        self.send_response(FakeLlm.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def llm():
    """The endpoint's URL."""
    FakeLlm.asked, FakeLlm.status = [], 200
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeLlm) as running:
        thread = threading.Thread(
            target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}/v1/"
        running.shutdown()
        thread.join()


@contextlib.contextmanager
def recommender(target, llm_url):
    """The service on a free port; an HTTP client of it."""
    app = fastapi_recommender.make_app(target, llm_url, "test-model")
    running = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        try:
            # The socket listens already, so the first call waits for the service.
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield client
        finally:
            running.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


REQUEST = {
    "user_id": "user-17",
    "history": [{"item_id": item["item_id"], "title": item["title"]} for item in HISTORY],
    "candidates": [{"item_id": item.item_id, "title": item.title} for item in CANDIDATES],
}


def test_the_recommender_closes_the_loop(server, llm):
    with recommender(server.target, llm) as client:
        answer = client.post("/recommend", json=REQUEST).raise_for_status().json()
        (path, body), *_ = FakeLlm.asked
        assert path == "/v1/chat/completions"
        assert body["model"] == "test-model"
        assert answer["read"] == "complete"
        assert answer["revision"].startswith("uniform-")
        shown = re.findall(r"^[A-Z]\. (.*)$", body["messages"][-1]["content"], re.MULTILINE)
        titles = {i.item_id: fastapi_recommender.attune.plain_prompt(HISTORY, CANDIDATES)
                  .answer.displayed_titles[k] for k, i in enumerate(CANDIDATES)}  # fmt: skip
        assert [titles[i] for i in answer["item_ids"]] == shown[::-1]

        clicks = {"decision": answer["decision"], "shown": answer["item_ids"]}
        clicks["clicked"] = answer["item_ids"][:1]
        assert client.post("/feedback", json=clicks).raise_for_status().json() == {"reward": 1.0}
        assert client.post("/feedback", json={**clicks, "decision": "AAAA"}).status_code == 422
        assert client.post("/recommend", json={**REQUEST, "history": []}).status_code == 422


def test_the_recommender_answers_whatever_is_down(llm):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with recommender(f"127.0.0.1:{nobody.getsockname()[1]}", llm) as client:
            answer = client.post("/recommend", json=REQUEST).raise_for_status().json()
            assert answer["item_ids"] == ["95", "219", "71"]
            assert (answer["read"], answer["decision"]) == ("complete", "")
            FakeLlm.status = 500
            answer = client.post("/recommend", json=REQUEST).raise_for_status().json()
            assert (answer["item_ids"], answer["read"]) == (["71", "219", "95"], "no_llm")


def test_the_evaluation_agrees_with_the_trainer(own_server, artifact, tmp_path, capsys):
    seed = 20261130
    print(f"seed {seed}")
    draw = random.Random(seed)
    server = own_server()
    revision = artifact(ROOT / "client/python/tests/small_catalog.yaml")
    with attune.Client(server.target, server.control) as client:
        client.push_revision(revision, activate=True)
        batch = [
            {"history": [{"item_id": str(draw.randrange(50)), "title": "x"}],
             "candidates": CANDIDATES, "user_id": f"u{i % 100}", "seed": i}
            for i in range(400)
        ]  # fmt: skip
        prompts = client.get_prompts(batch)
        rewards = [
            0.5 * draw.random() + 0.4 * any(c.option_id == "expert" for c in prompt.choice)
            for prompt in prompts
        ]
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda p, r: client.record_feedback(p, reward=r), prompts, rewards))
        live = offline_evaluation.main(["--control", server.control])
    assert live == 0
    out = tmp_path / "log.attlog"
    export = [binary("ATTUNE_CLI_BINARY"), "export-log", out, "--control", server.control]
    subprocess.run(export, check=True, capture_output=True, timeout=60)
    capsys.readouterr()

    arguments = ["--log", str(out), "--revision", str(revision)]
    assert offline_evaluation.main([*arguments, "--trainer", binary("ATTUNE_TRAINER_BINARY")]) == 0
    printed = capsys.readouterr().out
    ours = {}
    for line in printed.splitlines():
        words = line.split()
        if "greedy" in words[1:2]:
            ours = dict(zip(("ips", "ips_se", "snips", "snips_se"), map(float, words[3:7])))
    theirs = {
        name: (float(value), float(error))
        for name, value, error in re.findall(r"^  (\w+) +([\d.]+) \+- ([\d.]+)$", printed, re.M)
    }
    for name in ("ips", "snips"):
        assert ours[name] == pytest.approx(theirs[name][0], abs=2e-4)
        assert ours[f"{name}_se"] == pytest.approx(theirs[name][1], abs=5e-4)
    assert 0.3 < ours["snips"] < 0.9


def test_the_evaluation_says_when_there_is_nothing(tmp_path, capsys):
    empty = tmp_path / "log.attlog"
    empty.write_bytes(b"attune.logged_decisions/1\n")
    assert offline_evaluation.main(["--log", str(empty)]) == 1
    assert "no sampled decision" in capsys.readouterr().err
