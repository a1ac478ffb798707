# SPDX-License-Identifier: Apache-2.0
"""Real programs with what the chart rendered: attune_server, Prometheus, HAProxy, on loopback.

Everything a Run starts, it ends.
"""
import base64
import concurrent.futures
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from chart import CACHE, ROOT

START_SECONDS = 60
CANDIDATES = [{"item_id": str(i), "title": title} for i, title in enumerate(
    ("Star Wars (1977)", "GoldenEye (1995)", "Contact (1997)", "Fargo (1996)", "Return of the Jedi (1983)"), 50)]
REQUEST = {"history": [{"item_id": "1", "title": "Toy Story (1995)"}, {"item_id": "2", "title": "Heat (1995)"}],
           "candidates": CANDIDATES}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=START_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError(what)


def on_this_machine(text, directory):
    """The chart's paths and addresses as they can be here."""
    text = text.replace("/etc/attune", f"{directory}/etc").replace("/var/lib/attune", f"{directory}/data")
    return re.sub(r"(_listen: )\S+", r"\g<1>127.0.0.1:0", text)


class Authority:
    """A CA and certificates, made with OpenSSL as docs/server.md has it."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True)
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
                      "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA")

    def issue(self, name, alternative, directory, days=2):
        """tls.crt, tls.key and ca.crt, as a secret of cert-manager has them."""
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", f"{name}.key",
                      "-out", f"{name}.csr", "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", str(days),
                      "-copy_extensions", "copy", "-out", f"{name}.pem")
        directory.mkdir(parents=True, exist_ok=True)
        for source, target in ((f"{name}.pem", "tls.crt"), (f"{name}.key", "tls.key"), ("ca.pem", "ca.crt")):
            shutil.copy(self.directory / source, directory / target)
        return directory

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)


class Run:
    def __init__(self, build, work):
        self.build, self.work = pathlib.Path(build), pathlib.Path(work)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.work / "tsdb", ignore_errors=True)

    def start(self, name, command, **more):
        with open(self.work / f"{name}.log", "w") as log:
            process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def accepts(self, rendered):
        """Whether attune_server takes a rendering's settings: empty, or what it says."""
        path = self.work / "settings.yaml"
        path.write_text(rendered.get("ConfigMap")["data"]["server.yaml"])
        done = subprocess.run([self.build / "server/attune_server", "--config", path, "--print_config"],
                              capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stderr

    def server(self, name, rendered, *flags, tls=None, roles=None):
        return Server(self, name, rendered, flags, tls, roles)

    def redis(self):
        """URL of a Redis of its own. The program is in redis-tools and goes by the name that it is called by."""
        port = free_port()
        self.start("redis", ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", self.work],
                   executable="/usr/bin/redis-check-rdb")

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait_for("redis listens", listens)
        return f"redis://127.0.0.1:{port}/0"

    def attune(self, *arguments, stdin=None):
        return subprocess.run([str(self.build / "client/attune"), *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, check=False, timeout=60)

    def revision(self, seed):
        out = self.work / f"revision-{seed}"
        subprocess.run([self.build / "trainer/attune_trainer", "train", "--backend", "sim", "--budget", "64", "--seed", str(seed),
                        "--catalog", ROOT / "policy/catalogs/movies.yaml", "--out", out], check=True, capture_output=True)
        return out / "revision.attune"

    def prometheus(self, targets):
        return Prometheus(self, targets)


class Server:
    """attune_server with the ConfigMaps and the Secret of a rendering."""

    def __init__(self, run, name, rendered, flags, tls, roles):
        self.run, self.name = run, name
        self.directory = run.work / name
        etc = self.directory / "etc"
        for part in ("config", "keys", "roles", "client-ca"):
            (etc / part).mkdir(parents=True)
        (self.directory / "data").mkdir()
        for key, text in rendered.get("ConfigMap")["data"].items():
            (etc / "config" / key).write_text(on_this_machine(text, self.directory))
        for key in ("token.key", "user.key"):
            secrets = rendered.kind("Secret")
            value = base64.b64decode(secrets[0]["data"][key]) if secrets else b"ab" * 32
            (etc / "keys" / key).write_bytes(value)
        if tls:
            shutil.copytree(tls, etc / "tls")
            shutil.copy(tls / "ca.crt", etc / "client-ca")
        if roles:
            self.write_roles(roles)
        ports = self.directory / "ports.json"
        self.process = run.start(name, [run.build / "server/attune_server", "--config", etc / "config/server.yaml",
                                        "--port_file", ports, *flags])
        wait_for(f"{name} does not start: see {self.directory}.log", lambda: ports.exists() or self.process.poll() is not None)
        self.ports = json.loads(ports.read_text())

    def write_roles(self, text):
        path = self.directory / "etc/roles/roles.yaml"
        path.with_suffix(".tmp").write_text(text)
        os.replace(path.with_suffix(".tmp"), path)

    def address(self, listener):
        return f'127.0.0.1:{self.ports[listener + "_port"]}'

    def health(self, listener, service):
        """As the kubelet's grpc probe asks, without TLS: SERVING, NOT_SERVING, or what went wrong."""
        name = service.encode()
        message = bytes([0x0a, len(name)]) + name
        done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-m", "5", "-H", "content-type: application/grpc",
                               "-H", "te: trailers", "--data-binary", "@-", f"http://{self.address(listener)}/grpc.health.v1.Health/Check"],
                              input=b"\0" + len(message).to_bytes(4, "big") + message, capture_output=True, check=False)
        return {b"\x08\x01": "SERVING", b"\x08\x02": "NOT_SERVING"}.get(done.stdout[5:], f"curl {done.returncode}: {done.stdout!r}")

    def data(self, command, *arguments, stdin=None):
        return self.run.attune(command, "--server", self.address("data"), "--timeout", "20", *arguments, stdin=stdin)

    def control(self, command, *arguments):
        return self.run.attune(command, "--control", self.address("control"), "--timeout", "20", *arguments)


class Prometheus:
    """Debian's, scraping every second, with the alerts loaded."""

    def __init__(self, run, targets):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        rules = ROOT / "deploy/prometheus/attune.rules.yaml"
        config = run.work / "prometheus.yaml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(rules.resolve())],
            "scrape_configs": [{"job_name": "attune", "static_configs": [{"targets": targets}]}]}))
        run.start("prometheus", [CACHE / "prometheus/usr/bin/prometheus", f"--config.file={config}",
                                 f"--storage.tsdb.path={run.work / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}",
                                 "--log.level=warn"], env={**os.environ, "GOMAXPROCS": "1"})
        wait_for("Prometheus scrapes", lambda: len(self.samples('up{job="attune"} == 1')) == len(targets))

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
            return json.load(answer)["data"]

    def samples(self, query):
        """[(labels, number)]; ConnectionError-free while it starts."""
        try:
            data = self.get("query", query=query)
        except OSError as error:
            if getattr(error, "code", None) == 400:
                raise
            return []
        rows = data["result"] if data["resultType"] == "vector" else [{"metric": {}, "value": data["result"]}]
        return [(row["metric"], float(row["value"][1])) for row in rows]


class Traffic:
    """What recommender backends do, a little of everything."""

    def __init__(self, server, people=40):
        self.server, self.people = server, people

    def one(self, number):
        user = f"user-{number % self.people}"
        own = ["--own-choice", "hint=none"] if number % 5 == 4 else []
        answer = self.server.data("prompt", "--json", "--user", user, "--request", "-", *own, stdin=json.dumps(REQUEST))
        if answer.returncode != 0:
            return answer.stderr
        if number % 3 == 0:
            reward = str(round((number % 10) / 10, 1))
            sent = self.server.data("feedback", "--token", json.loads(answer.stdout)["decision_token"], "--reward", reward)
            return sent.stderr if sent.returncode != 0 else ""
        return ""

    def send(self, numbers):
        """What went wrong, of all."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return [message for message in pool.map(self.one, numbers) if message]


class Llm:
    """What the trainer asks: an OpenAI-compatible endpoint that likes the candidates as they stand."""

    def __init__(self, run):
        calls = self.calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                calls.append(self.path)
                self.rfile.read(int(self.headers["content-length"]))
                text = json.dumps({"choices": [{"message": {"role": "assistant", "content": "A, B, C, D, E, F, G, H, I, J"},
                                                "finish_reason": "stop"}],
                                   "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Trainer:
    """The trainer's containers, one after the other, with paths and addresses of this machine."""

    def __init__(self, run, rendered, tls, places):
        (template,) = [t for name, t in rendered.pod_templates() if "trainer" in name]
        self.run, self.pod = run, template["spec"]
        self.directory = run.work / "trainer"
        (self.directory / "etc/config").mkdir(parents=True)
        (self.directory / "etc/llm").mkdir()
        (self.directory / "etc/llm/api-key").write_text("key")
        (self.directory / "etc/config/catalog.yaml").write_text(rendered.get("ConfigMap")["data"]["catalog.yaml"])
        shutil.copytree(tls, self.directory / "etc/tls")
        self.places = {"/etc/attune": f"{self.directory}/etc", "/work": f"{self.directory}/work", **places}

    def do(self, container):
        # At once: what one place becomes may contain another.
        pattern = re.compile("=(" + "|".join(map(re.escape, self.places)) + ")")
        arguments = [pattern.sub(lambda found: "=" + self.places[found.group(1)], a) for a in container["args"]]
        return subprocess.run([self.run.build / "trainer/attune_trainer", *arguments], capture_output=True, text=True,
                              check=False, timeout=120)


class Proxy:
    """HAProxy with the rendered configuration, its one server at `upstream`."""

    def __init__(self, run, rendered, tls, upstream):
        config = rendered.get("ConfigMap", "attune-edge")["data"]["haproxy.cfg"]
        self.port, health = free_port(), free_port()
        for directory, source in tls.items():
            shutil.copytree(source, run.work / "proxy" / directory)
        config = config.replace("/etc/haproxy", str(run.work / "proxy"))
        config = config.replace("0.0.0.0:8443", f"127.0.0.1:{self.port}").replace("0.0.0.0:8080", f"127.0.0.1:{health}")
        # No cluster's DNS here.
        config, replaced = re.subn(r"server-template attune \d+ \S+ resolvers cluster init-addr none", f"server attune {upstream}", config)
        assert replaced == 1
        path = run.work / "haproxy.cfg"
        path.write_text(config)
        binary = CACHE / "haproxy/usr/sbin/haproxy"
        subprocess.run([binary, "-c", "-f", path], check=True, capture_output=True)
        run.start("haproxy", [binary, "-db", "-f", path])
        self.address = f"127.0.0.1:{self.port}"
        self.health = f"http://127.0.0.1:{health}"
        wait_for("the proxy sees its server", lambda: self._status("/ready") == 200)

    def _status(self, path):
        try:
            with urllib.request.urlopen(self.health + path, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


def queries(text):
    """Names of metrics in a query."""
    return set(re.findall(r"\b(?:attune|exposer|process)_\w+|\bup\b", text))
