# SPDX-License-Identifier: Apache-2.0
"""What the tests share: the real server in a process of its own, a fake one in this process,
and both clients behind one blocking face.

The programs are named by the environment: ATTUNE_SERVER_BINARY, ATTUNE_CLI_BINARY and
ATTUNE_TRAINER_BINARY. Tests that need one that is not named are skipped, unless
ATTUNE_REQUIRE_INTEGRATION is set.
"""

import asyncio
import contextlib
import functools
import inspect
import json
import os
import pathlib
import subprocess

import fake_server
import pytest

import attune

# OpenBLAS's threads wait by spinning: on a busy machine attune_trainer gets nowhere for minutes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = pathlib.Path(__file__).resolve().parents[3]

HISTORY = [
    {"item_id": "1", "title": "Toy Story (1995)", "genres": ["Animation"], "weight": 5.0},
    {"item_id": "588", "title": "Aladdin (1992)"},
]
CANDIDATES = [
    attune.Item("71", "Lion King, The (1994)"),
    attune.Item("219", "Nightmare on Elm Street, A (1984)"),
    attune.Item("95", "Jungle Book, The (1994)"),
]
QUICK = attune.RetryOptions(initial_backoff=0.001, max_backoff=0.002)


def binary(variable):
    """The program's path."""
    path = os.environ.get(variable)
    if path and os.access(path, os.X_OK):
        return path
    message = f"{variable} names no program"
    if os.environ.get("ATTUNE_REQUIRE_INTEGRATION"):
        pytest.fail(message)
    pytest.skip(message)


class Server:
    """attune_server on free ports of loopback, until stop()."""

    def __init__(self, directory, *flags):
        command = [binary("ATTUNE_SERVER_BINARY")]
        for listener in ("data", "control", "metrics"):
            command += [f"--{listener}_listen", "127.0.0.1:0"]
        command += ["--revision_dir", str(directory / "revisions")]
        command += ["--catalog", str(ROOT / "policy/catalogs/movies.yaml"), *map(str, flags)]
        self.log = directory / "server.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        ports = json.loads(line)
        self.target = f"127.0.0.1:{ports['data_port']}"
        self.control = f"127.0.0.1:{ports['control_port']}"

    def stop(self):
        """Ends it as an operator does."""
        self.process.terminate()
        self.process.stdout.close()
        assert self.process.wait(timeout=60) == 0


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One that the tests share: none may depend on what others leave in it."""
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path):
    """Starts servers with flags, each in a directory of its own."""
    with contextlib.ExitStack() as stack:

        def start(*flags):
            directory = tmp_path / f"server{len(list(tmp_path.glob('server*')))}"
            directory.mkdir()
            running = Server(directory, *flags)
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture
def fake():
    """A server that answers as told and counts its calls."""
    with fake_server.FakeServer() as running:
        yield running


class Blocking:
    """An AsyncClient that is driven from outside of its loop."""

    def __init__(self, *args, **kwargs):
        self._loop = asyncio.new_event_loop()

        async def make():
            return attune.AsyncClient(*args, **kwargs)

        self._client = self._loop.run_until_complete(make())

    def __getattr__(self, name):
        method = getattr(self._client, name)

        def call(*args, **kwargs):
            result = method(*args, **kwargs)
            if inspect.isasyncgen(result):
                return self._loop.run_until_complete(self._collect(result))
            return self._loop.run_until_complete(result)

        return call

    @staticmethod
    async def _collect(items):
        return [item async for item in items]

    def close(self):
        """Closes the client and its loop."""
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


@pytest.fixture(params=["sync", "async"])
def connect(request, own_server):
    """Makes clients of either kind. They are closed before the servers stop."""
    with contextlib.ExitStack() as stack:

        def make(running, **options):
            kind = attune.Client if request.param == "sync" else Blocking
            client = kind(running.target, running.control, **options)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture(scope="session")
def artifact(tmp_path_factory):
    """Trains a small revision with the simulator and returns its path."""

    @functools.cache
    def make(catalog=ROOT / "policy/catalogs/movies.yaml", seed=1):
        out = tmp_path_factory.mktemp("run")
        command = [binary("ATTUNE_TRAINER_BINARY"), "train", "--backend", "sim"]
        command += ["--budget", "64", "--catalog", str(catalog)]
        command += ["--out", str(out / "run"), "--seed", str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return out / "run" / "revision.attune"

    return make
