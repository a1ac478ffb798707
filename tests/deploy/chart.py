# SPDX-License-Identifier: Apache-2.0
"""Renders the chart and reads what came out. Tools are in ATTUNE_CACHE (scripts/setup.sh test)."""
import json
import os
import pathlib
import re
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/attune"
CACHE = pathlib.Path(os.environ.get("ATTUNE_CACHE", pathlib.Path.home() / ".cache/attune"))
# helm's own default when it is built from source is a Kubernetes of long ago.
KUBERNETES = "v1.36.0"


def newest(pattern):
    return str(max(CACHE.glob(pattern)))


def helm(*arguments, stdin=None):
    return subprocess.run([newest("helm-*/helm"), *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False)


def render_text(values=(), sets=(), kubernetes=KUBERNETES):
    """The rendered chart, or RuntimeError with what helm says."""
    command = ["template", "attune", CHART, "--namespace", "shop", "--kube-version", kubernetes]
    for name in values:
        command += ["--values", CHART / f"ci/{name}-values.yaml"]
    for pair in sets:
        command += ["--set", pair]
    done = helm(*command)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


def parse(text):
    return [entry for entry in yaml.safe_load_all(text) if entry]


class Rendered:
    """Objects of one rendering, by kind and name."""

    def __init__(self, values=(), sets=(), kubernetes=KUBERNETES):
        self.text = render_text(values, sets, kubernetes)
        self.objects = parse(self.text)

    def kind(self, kind):
        return [entry for entry in self.objects if entry["kind"] == kind]

    def get(self, kind, name="attune"):
        (found,) = [entry for entry in self.kind(kind) if entry["metadata"]["name"] == name]
        return found

    def pod_templates(self):
        """(name, pod template) of all workloads."""
        for entry in self.objects:
            spec = entry.get("spec", {})
            if entry["kind"] == "CronJob":
                yield entry["metadata"]["name"], spec["jobTemplate"]["spec"]["template"]
            elif "template" in spec:
                yield entry["metadata"]["name"], spec["template"]

    def server(self):
        """The pod spec of the server."""
        (entry,) = [e for e in self.objects if e["kind"] in ("Deployment", "StatefulSet") and e["metadata"]["name"] == "attune"]
        return entry["spec"]["template"]["spec"]

    def settings(self):
        return yaml.safe_load(self.get("ConfigMap")["data"]["server.yaml"])


def containers(pod):
    return pod.get("initContainers", []) + pod["containers"]


def server_settings():
    """Names of attune_server's settings, as config.cc declares them."""
    text = (ROOT / "server/config.cc").read_text()
    table = text[text.index("const std::vector<Setting>& Settings()"):text.index("FindSetting(")]
    names = re.findall(r'(?:Text|Number|Time|Flag|Ratio)\(\s*"(\w+)"|\{"(\w+)",', table)
    return {a or b for a, b in names}


def schema():
    return json.loads((CHART / "values.schema.json").read_text())
