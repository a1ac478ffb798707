#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real run: servers with rendered settings, traffic, Prometheus; every query of the dashboard and of the alerts.

usage: run_test.py BUILD_DIR

Writes BUILD_DIR/deploy/queries.txt: each query and what it returned. With ATTUNE_PLOT=1 the run is longer and is drawn:
BUILD_DIR/deploy/dashboard.png.
"""
import json
import math
import os
import pathlib
import re
import socket
import sys
import time
import unittest
import urllib.request

import yaml

from chart import CACHE, CHART, ROOT, Rendered
from real_run import Authority, Llm, Proxy, Run, Traffic, Trainer, queries, wait_for

BUILD = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else ROOT / "build/release"
PLOT = os.environ.get("ATTUNE_PLOT") == "1"
LIVE_SECONDS = 90 if PLOT else 12
# setUpClass starts everything once; test_zz is the last one and stops a server.
VARIABLES = {"$job": "attune", "$namespace": ".*", "$instance": ".*", "$pattern": ".*",
             "$__rate_interval": "20s", "$__interval": "5s", "$__range": "60s"}
# Alerts whose condition the run brings about; all others must find nothing.
RAISED = {
    "AttuneRevisionsDiffer": "one server has a revision, the other none",
    "AttuneUntrained": "the second server has none",
    "AttuneActivationFailed": "an id that is not there was activated",
    "AttuneCertificateExpires": "its certificate lives two days",
    "AttuneTlsReloadFailed": "its roles file was damaged for a moment",
    "AttuneCallsRefused": "a backend's certificate asked for an operator's call",
}
# Alerts that a busy machine may raise: they are about time.
EITHER = {"AttuneSlow", "AttuneShadowDrops"}
# Panels that find nothing in this run, and why.
EMPTY = {}


def summary(samples):
    if not samples:
        return "nothing"
    numbers = sorted(value for _, value in samples)
    if len(numbers) == 1:
        return f"{numbers[0]:.6g}"
    return f"{numbers[0]:.6g} ... {numbers[-1]:.6g}"


class RealRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = Run(BUILD, BUILD / "deploy/run")
        cls.addClassCleanup(cls.run_.__exit__)
        work = cls.run_.work
        authority = Authority(work / "ca")
        issue = lambda name, alternative: authority.issue(name, alternative, work / "tls" / name)
        cls.server_tls = issue("server", "DNS:localhost,IP:127.0.0.1,DNS:attune.shop.svc")
        cls.backend = issue("backend", "URI:spiffe://shop.example/backend")
        cls.edge = issue("edge", "DNS:attune-edge.shop")
        cls.trainer = issue("trainer", "DNS:attune-trainer.shop")
        cls.ha = Rendered(["ha"])
        cls.roles = cls.ha.get("ConfigMap", "attune-roles")["data"]["roles.yaml"]
        # Time enough to look at it while it stops, on a busy machine too.
        cls.default = Rendered(sets=["server.drainDelaySeconds=8"])
        cls.plain = cls.run_.server("plain", cls.default, "--catalog", ROOT / "policy/catalogs/movies.yaml",
                                    "--redis_url", cls.run_.redis())
        cls.secure = cls.run_.server("secure", cls.ha, "--tls_reload_interval", "500ms", "--drain_delay", "0s",
                                     tls=cls.server_tls, roles=cls.roles)
        cls.prometheus = cls.run_.prometheus([cls.plain.address("metrics"), cls.secure.address("metrics")])
        cls.revisions = cls.push()
        cls.live()
        cls.rows = []

    @classmethod
    def push(cls):
        ids = []
        for seed in (1, 2, 3):
            done = cls.plain.control("push", "--json", cls.run_.revision(seed), *(["--activate"] if seed == 1 else []))
            assert done.returncode == 0, done.stderr
            ids.append(re.search(r'"revision_id": "([0-9a-f]{16})"', done.stdout).group(1))
        done = cls.plain.control("traffic", "--canary", ids[1], "--share", "0.5", "--shadow", ids[2], "--reason", "test")
        assert done.returncode == 0, done.stderr
        return ids

    @classmethod
    def tls(cls, directory):
        return ["--ca-file", directory / "ca.crt", "--cert-file", directory / "tls.crt", "--key-file", directory / "tls.key"]

    @classmethod
    def live(cls):
        """Some seconds of what happens to servers, so that rates have two ends."""
        plain, secure, traffic = cls.plain, cls.secure, Traffic(cls.plain)
        began = time.time()
        problems = traffic.send(range(30))
        assert plain.control("activate", "0123456789abcdef").returncode == 1
        assert plain.data("prompt", "--history", "1=A", "--candidate", "2=B").returncode == 1
        assert plain.data("feedback", "--token", "bm90IG91cnM=", "--reward", "1").returncode == 1
        denied = secure.control("traffic", "--active", "0123456789abcdef", *cls.tls(cls.backend))
        assert "ROLE_MISSING" in denied.stderr, denied.stderr
        secure.write_roles("nobody: [king]\n")
        refused = 'attune_tls_reload_failures_total{what="roles"} > 1'
        wait_for("a bad roles file is counted", lambda: cls.prometheus.samples(refused))
        secure.write_roles(cls.roles)
        count = 30
        while time.monotonic() < cls.started() + LIVE_SECONDS:
            problems += traffic.send(range(count, count + 30))
            count += 30
            plain.data("prompt", "--history", "1=A", "--candidate", "2=B")
            plain.data("feedback", "--token", "bm90IG91cnM=", "--reward", "1")
            secure.control("traffic", "--active", "0123456789abcdef", *cls.tls(cls.backend))
        assert not problems, problems[:3]
        assert count > 60, f"only {count} prompts"
        cls.lived = began, time.time()

    @classmethod
    def started(cls):
        if not hasattr(cls, "started_at"):
            cls.started_at = time.monotonic()
        return cls.started_at

    @classmethod
    def tearDownClass(cls):
        width = max(len(row[0]) for row in cls.rows)
        lines = [f"{name:<{width}}  {series:>6}  {values:<28}  {query}" for name, series, values, query in
                 [("panel or alert", "series", "least ... greatest", "query"), *cls.rows]]
        text = "\n".join(lines) + "\n"
        if PLOT:
            cls.plot()
        (BUILD / "deploy/queries.txt").write_text(text)
        print("\n" + "\n".join(line[:150] for line in lines))

    @classmethod
    def plot(cls):
        import plot_dashboard

        dashboard = json.loads((ROOT / "deploy/grafana/attune.json").read_text())
        plot_dashboard.draw(dashboard, cls.prometheus, VARIABLES, *cls.lived, BUILD / "deploy/dashboard.png")

    def ask(self, name, query):
        samples = self.prometheus.samples(query)
        self.rows.append((name, len(samples), summary(samples), " ".join(query.split())))
        return samples

    def test_every_panel_returns_data(self):
        dashboard = json.loads((ROOT / "deploy/grafana/attune.json").read_text())
        panels = [p for p in dashboard["panels"] if p["type"] != "row"]
        self.assertGreater(len(panels), 25)
        for panel in panels:
            for target in panel["targets"]:
                name = f'{panel["title"]} {target["refId"]}' if len(panel["targets"]) > 1 else panel["title"]
                query = target["expr"]
                for variable, value in sorted(VARIABLES.items(), reverse=True):
                    query = query.replace(variable, value)
                with self.subTest(name):
                    self.assertNotIn("$", query)
                    samples = self.ask(name, query)
                    if name in EMPTY:
                        self.assertEqual(samples, [])
                    else:
                        self.assertTrue(samples, query)
                        self.assertTrue(any(not math.isnan(v) for _, v in samples), query)

    def test_every_variable_returns_data(self):
        dashboard = json.loads((ROOT / "deploy/grafana/attune.json").read_text())
        for variable in dashboard["templating"]["list"]:
            if variable["type"] != "query":
                continue
            query = variable["query"].replace("$job", "attune").replace("$namespace", ".*")
            metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
            with self.subTest(variable["name"]):
                samples = self.ask(f'variable {variable["name"]}', f"count by ({label}) ({metric})")
                # A namespace is Kubernetes' own: there is none here.
                self.assertEqual(any(label in labels for labels, _ in samples), variable["name"] != "namespace")

    def test_every_alert_sees_what_it_watches_and_fires_as_it_should(self):
        rules = yaml.safe_load((ROOT / "deploy/prometheus/attune.rules.yaml").read_text())
        for rule in (r for g in rules["groups"] for r in g["rules"]):
            with self.subTest(rule["alert"]):
                for metric in queries(rule["expr"]):
                    self.assertTrue(self.prometheus.samples(metric), f"{metric} is not there: the alert is blind")
                samples = self.ask(rule["alert"], rule["expr"])
                if rule["alert"] not in EITHER:
                    self.assertEqual(bool(samples), rule["alert"] in RAISED, samples)

    def test_prometheus_evaluates_the_rules_without_errors(self):
        groups = self.prometheus.get("rules")["groups"]
        self.assertEqual(len(groups), 5)
        for rule in (r for g in groups for r in g["rules"]):
            self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""), rule["name"])

    def test_the_server_takes_every_variants_settings(self):
        for path in sorted((CHART / "ci").glob("*-values.yaml")):
            with self.subTest(path.name):
                self.assertEqual(self.run_.accepts(Rendered([path.name[:-len("-values.yaml")]])), "")
        wrong = Rendered()
        data = wrong.get("ConfigMap")["data"]
        data["server.yaml"] += "max_cals: 5\n"
        self.assertIn("max_cals", self.run_.accepts(wrong))

    def test_the_proxy_lets_prompts_through_and_nothing_else(self):
        proxy = Proxy(self.run_, self.ha, {"tls": self.server_tls, "client-ca": self.server_tls, "upstream": self.edge},
                      self.secure.address("data"))
        ask = ["prompt", "--server", proxy.address, "--history", "1=A", "--candidate", "2=B", "--candidate", "3=C"]
        answer = self.run_.attune(*ask, "--json", *self.tls(self.backend))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        token = json.loads(answer.stdout)["decision_token"]
        sent = self.run_.attune("feedback", "--server", proxy.address, "--token", token, "--reward", "1", *self.tls(self.backend))
        self.assertEqual(sent.returncode, 0, sent.stderr)
        control = self.run_.attune("revisions", "--control", proxy.address, "--timeout", "2", *self.tls(self.backend))
        self.assertEqual(control.returncode, 1)
        self.assertIn("403", control.stderr)
        nobody = self.run_.attune(*ask, "--timeout", "1", "--ca-file", self.backend / "ca.crt")
        self.assertEqual(nobody.returncode, 1, "a caller without a certificate got a prompt")

    def test_the_trainer_trains_with_an_endpoint_and_pushes(self):
        llm = Llm(self.run_)
        self.addCleanup(llm.close)
        small = Rendered(["ha"], ["trainer.budget=64", "trainer.extraArgs={--batch-size=32,--lightgcn-epochs=1}"])
        trainer = Trainer(self.run_, small, self.trainer, {
            "/data/shop": str(CACHE / "data/ml-100k/ml-100k"), "http://vllm.llm.svc:8000/v1": llm.url,
            "attune-0.attune.shop.svc:50052": self.secure.address("control")})
        (train,) = trainer.pod["initContainers"]
        done = trainer.do(train)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreaterEqual(len(llm.calls), 64)
        done = trainer.do(trainer.pod["containers"][0])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^[0-9a-f]{16} ready")

    def probes(self, rendered):
        """Each probe as (listener, how, its settings)."""
        (container,) = rendered.server()["containers"]
        listeners = {50051: "data", 50052: "control", 9466: "health"}
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            (how,) = container[name].keys() & {"grpc", "httpGet", "tcpSocket"}
            settings = container[name][how]
            yield listeners[ports.get(settings["port"], settings["port"])], how, settings

    def test_the_servers_pass_their_probes(self):
        for listener, how, settings in self.probes(self.default):
            self.assertEqual(how, "grpc")
            self.assertEqual(self.plain.health(listener, settings["service"]), "SERVING")
        self.assertNotIn("SERVING", self.plain.health("data", "attune.v1.NoService"))
        for listener, how, settings in self.probes(self.ha):
            if how == "httpGet":
                url = f'http://{self.secure.address(listener)}{settings["path"]}'
                with urllib.request.urlopen(url, timeout=5) as answer:
                    self.assertEqual((answer.status, answer.read()), (200, b"SERVING\n"))
                continue
            self.assertEqual(how, "tcpSocket")
            socket.create_connection(("127.0.0.1", self.secure.ports[f"{listener}_port"]), 5).close()
            # Why it is not a grpc probe.
            self.assertNotIn("SERVING", self.secure.health(listener, "attune.v1.PromptService"))

    def test_zz_stopping_takes_no_longer_than_the_kubelet_waits(self):
        grace = self.default.server()["terminationGracePeriodSeconds"]
        began = time.monotonic()
        self.plain.process.terminate()
        # Health says so at once; calls are still taken while callers notice.
        wait_for("health says it", lambda: self.plain.health("data", "attune.v1.PromptService") == "NOT_SERVING", 7)
        self.assertEqual(self.plain.data("prompt", "--history", "1=A", "--candidate", "2=B", "--candidate", "3=C").returncode, 0)
        self.assertEqual(self.plain.process.wait(grace), 0)
        self.assertLess(time.monotonic() - began, grace - 5)


if __name__ == "__main__":
    unittest.main(verbosity=1)
