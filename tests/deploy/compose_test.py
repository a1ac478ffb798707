#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks deploy/compose.yaml without a container engine: read by the reference reader, and against what is really there.

usage: compose_test.py BUILD_DIR
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

from chart import CACHE, ROOT

BUILD = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else ROOT / "build/release"
DEPLOY = ROOT / "deploy"
VERSION = re.search(r"^project\(attune VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE).group(1)
OURS = ("server", "trainer")


def read(text):
    """Compose text as the reference reader has it: (model, what it says if it refuses)."""
    (reader,) = CACHE.glob("compose-spec-*/compose-spec")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=DEPLOY) as file:
        file.write(text)
        file.flush()
        done = subprocess.run([reader, "-format", "json", file.name], capture_output=True, text=True, check=False, cwd=DEPLOY)
    return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr + done.stdout)


def help_of(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = (DEPLOY / "compose.yaml").read_text()
        cls.model, refused = read(cls.text)
        assert cls.model, refused
        cls.services = cls.model["services"]

    def test_the_reader_refuses_what_is_no_compose_file(self):
        model, refused = read(self.text.replace("read_only:", "read_onli:"))
        self.assertIsNone(model)
        self.assertIn("read_onli", refused)

    def test_it_is_the_whole_of_it(self):
        self.assertEqual(set(self.services), {"server", "trainer", "redis", "prometheus", "grafana"})
        self.assertEqual({n for n, s in self.services.items() if s.get("profiles")}, {"trainer"})

    def test_images_are_pinned(self):
        for name, service in self.services.items():
            with self.subTest(name):
                if name in OURS:
                    self.assertEqual(service["image"], f"attune-{name}:{VERSION}")
                    self.assertEqual(service["build"]["target"], name)
                    self.assertEqual(pathlib.Path(service["build"]["context"]), ROOT)
                    self.assertIn(f" AS {name}\n", (ROOT / "Dockerfile").read_text())
                else:
                    self.assertRegex(service["image"], r"^[\w/.-]+:[\w.-]*\d[\w.-]*@sha256:[0-9a-f]{64}$")

    def test_nobody_is_root_or_writes_but_to_volumes(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertTrue(service["read_only"])
                self.assertRegex(service["user"], r"^[1-9]\d*:\d+$")
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertFalse({"privileged", "network_mode", "pid", "cap_add", "devices"} & set(service))

    def test_what_runs_for_long_has_a_health_check(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertEqual("healthcheck" in service, name != "trainer")

    def test_ports_are_published_on_loopback_only(self):
        for name, service in self.services.items():
            with self.subTest(name):
                for port in service.get("ports", []):
                    self.assertEqual(port["host_ip"], "127.0.0.1")
        published = {p["published"] for s in self.services.values() for p in s.get("ports", [])}
        self.assertEqual(published, {"50051", "50052", "9090", "3000"})

    def test_what_it_mounts_and_names_is_there(self):
        for name, service in self.services.items():
            with self.subTest(name):
                for volume in service.get("volumes", []):
                    if volume["type"] == "bind":
                        self.assertTrue(pathlib.Path(volume["source"]).is_file(), volume["source"])
                        self.assertTrue(volume["read_only"])
                    else:
                        self.assertIn(volume["source"], self.model["volumes"])
                for network in service["networks"]:
                    self.assertIn(network, self.model["networks"])
                for secret in service.get("secrets", []):
                    self.assertIn(secret["source"], self.model["secrets"])
                for other in service.get("depends_on", {}):
                    self.assertIn(other, self.services)
        # The key is the user's to make, and never to commit.
        self.assertIn("/deploy/keys/", (ROOT / ".gitignore").read_text().splitlines())

    def test_the_server_knows_its_settings(self):
        environment = self.services["server"]["environment"]
        known = set(re.findall(r"--(\w+)", help_of(BUILD / "server/attune_server", "--help")))
        self.assertIn("token_key_file", known)
        for variable in environment:
            self.assertIn(variable.removeprefix("ATTUNE_").lower(), known)
        done = subprocess.run([BUILD / "server/attune_server", "--config", DEPLOY / "image/server.yaml", "--print_config"],
                              env={**os.environ, **environment}, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("revision_dir: /var/lib/attune/revisions", done.stdout)
        self.assertEqual(environment["ATTUNE_TOKEN_KEY_FILE"],
                         "/run/secrets/" + self.services["server"]["secrets"][0]["source"])

    def test_the_programs_know_their_flags(self):
        command = self.services["trainer"]["command"]
        known = set(re.findall(r"--[\w-]+", help_of(BUILD / "trainer/attune_trainer", command[0], "--help")))
        self.assertLessEqual({word.partition("=")[0] for word in command[1:]}, known)
        self.assertEqual(self.services["server"]["healthcheck"]["test"], ["CMD", "attune", "health"])
        self.assertIn("--service", help_of(BUILD / "client/attune", "health", "--help"))

    def test_prometheus_takes_its_configuration_and_finds_the_server(self):
        config = yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text())
        mounts = {v["target"]: v["source"] for v in self.services["prometheus"]["volumes"]}
        here = {**config, "rule_files": [mounts[file] for file in config["rule_files"]]}
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(json.dumps(here))
            file.flush()
            done = subprocess.run([CACHE / "prometheus/usr/bin/promtool", "check", "config", file.name],
                                  capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        (job,) = config["scrape_configs"]
        settings = yaml.safe_load((DEPLOY / "image/server.yaml").read_text())
        self.assertEqual(job["static_configs"], [{"targets": ["server:" + settings["metrics_listen"].split(":")[1]]}])
        self.assertEqual(job["job_name"], "attune")

    def test_grafana_finds_the_dashboard_and_its_data(self):
        grafana = self.services["grafana"]
        mounts = {v["target"]: v["source"] for v in grafana["volumes"]}
        (source,) = yaml.safe_load((DEPLOY / "compose/grafana-datasource.yml").read_text())["datasources"]
        self.assertEqual((source["type"], source["url"]), ("prometheus", "http://prometheus:9090"))
        (provider,) = yaml.safe_load((DEPLOY / "compose/grafana-dashboards.yml").read_text())["providers"]
        home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertEqual(os.path.dirname(home), provider["options"]["path"])
        self.assertEqual(json.loads(pathlib.Path(mounts[home]).read_text())["uid"], "attune")


if __name__ == "__main__":
    unittest.main(verbosity=1)
