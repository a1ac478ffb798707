#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chart: valid for Kubernetes, secure, consistent with the server, and strict about its values."""
import functools
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from chart import CACHE, CHART, ROOT, Rendered, containers, helm, render_text, schema, server_settings
from kubernetes_schema import CUSTOM, problems

VARIANTS = {"default": [], **{p.name[:-len("-values.yaml")]: [p.name[:-len("-values.yaml")]] for p in sorted((CHART / "ci").glob("*-values.yaml"))}}
# All at once: several servers, clients with certificates, Redis.
VARIANTS["ha, redis"] = ["ha", "redis"]
SECRETS = {"keys": {"token.key", "user.key"}}


@functools.lru_cache(maxsize=None)
def rendered(variant):
    return Rendered(VARIANTS[variant])


def matches(selector, labels):
    return selector and selector.items() <= labels.items()


def for_every_variant(check):
    def test(self):
        self.assertIn("ha", VARIANTS)
        for variant in VARIANTS:
            with self.subTest(variant):
                check(self, rendered(variant))
    return test


class EveryVariant(unittest.TestCase):
    def test_lints(self):
        for variant, names in VARIANTS.items():
            with self.subTest(variant):
                done = helm("lint", "--strict", CHART, "--namespace", "shop", "--kube-version", "v1.36.0",
                            *[a for n in names for a in ("--values", CHART / f"ci/{n}-values.yaml")])
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_invalid_object_is_found(self):
        wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"prot": 1, "port": "x"}]}}
        self.assertEqual(len(problems(wrong, "v1.36.0")), 2)

    @for_every_variant
    def test_is_valid_for_kubernetes(self, r):
        versions = sorted(p.name for p in (CACHE / "kubernetes-schemas").iterdir() if p.name.startswith("v"))
        self.assertGreaterEqual(len(versions), 2)
        for entry in r.objects:
            if entry["kind"] in CUSTOM:
                continue
            for version in versions:
                self.assertEqual(problems(entry, version), [], version)

    def test_renders_for_the_oldest_kubernetes_and_for_none_before(self):
        oldest = re.search(r'>=([\d.]+)', yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]).group(1)
        render_text(VARIANTS["ha"], kubernetes=oldest)
        with self.assertRaisesRegex(RuntimeError, "incompatible"):
            render_text(kubernetes="1.26.0")

    @for_every_variant
    def test_no_two_objects_have_a_name(self, r):
        names = [(e["kind"], e["metadata"]["name"]) for e in r.objects]
        self.assertEqual(len(names), len(set(names)))

    @for_every_variant
    def test_labels_are_the_usual_ones(self, r):
        for entry in r.objects:
            labels = entry["metadata"]["labels"]
            for label in ("name", "instance", "component", "version", "part-of", "managed-by"):
                self.assertIn(f"app.kubernetes.io/{label}", labels, entry["metadata"]["name"])

    @for_every_variant
    def test_pods_are_restricted(self, r):
        for name, template in r.pod_templates():
            pod = template["spec"]
            security = pod["securityContext"]
            self.assertIs(pod["automountServiceAccountToken"], False, name)
            # Kubernetes' own ATTUNE_... variables would be warnings.
            self.assertIs(pod["enableServiceLinks"], False, name)
            self.assertIs(security["runAsNonRoot"], True, name)
            self.assertGreater(security["runAsUser"], 0, name)
            self.assertEqual(security["seccompProfile"]["type"], "RuntimeDefault", name)
            for key in ("hostNetwork", "hostPID", "hostIPC"):
                self.assertNotIn(key, pod)
            for container in containers(pod):
                own = container["securityContext"]
                self.assertIs(own["readOnlyRootFilesystem"], True)
                self.assertIs(own["allowPrivilegeEscalation"], False)
                self.assertEqual(own["capabilities"], {"drop": ["ALL"]})
                self.assertIn("memory", container["resources"]["limits"])
                self.assertNotIn("privileged", own)

    @for_every_variant
    def test_selectors_find_their_pods_and_nothing_else(self, r):
        pods = {name: t["metadata"]["labels"] for name, t in r.pod_templates()}
        for entry in r.objects:
            name, spec = entry["metadata"]["name"], entry.get("spec", {})
            if entry["kind"] == "Service":
                selector = spec["selector"]
            elif entry["kind"] in ("PodDisruptionBudget", "Deployment", "StatefulSet"):
                selector = spec["selector"]["matchLabels"]
            elif entry["kind"] == "NetworkPolicy":
                selector = spec["podSelector"]["matchLabels"]
            else:
                continue
            # "attune-edge" and "attune-trainer" are of their own, the rest is the server's.
            component = next((c for c in ("edge", "trainer") if name == f"attune-{c}"), "server")
            found = [labels["app.kubernetes.io/component"] for labels in pods.values() if matches(selector, labels)]
            self.assertEqual(found, [component], f'{entry["kind"]} {name}')

    @for_every_variant
    def test_services_and_probes_name_ports_that_there_are(self, r):
        pods = [t for _, t in r.pod_templates()]
        for service in r.kind("Service"):
            (pod,) = [t for t in pods if matches(service["spec"]["selector"], t["metadata"]["labels"])]
            names = {p["name"] for c in pod["spec"]["containers"] for p in c["ports"]}
            for port in service["spec"]["ports"]:
                self.assertIn(port["targetPort"], names)
        for template in pods:
            for container in template["spec"]["containers"]:
                ports = container.get("ports", [])
                known = {p["name"] for p in ports} | {p["containerPort"] for p in ports}
                for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                    for how in ("grpc", "tcpSocket", "httpGet"):
                        if how in container.get(probe, {}):
                            self.assertIn(container[probe][how]["port"], known)

    @for_every_variant
    def test_volumes_are_mounted_and_there(self, r):
        maps = {e["metadata"]["name"]: e["data"] for e in r.kind("ConfigMap")}
        for name, template in r.pod_templates():
            pod = template["spec"]
            volumes = {v["name"] for v in pod["volumes"]}
            claims = {c["metadata"]["name"] for e in r.kind("StatefulSet") if e["metadata"]["name"] == name
                      for c in e["spec"].get("volumeClaimTemplates", [])}
            mounted = {m["name"] for c in containers(pod) for m in c["volumeMounts"]}
            self.assertEqual(volumes | claims, mounted, name)
            for volume in pod["volumes"]:
                if "configMap" in volume:
                    data = maps[volume["configMap"]["name"]]
                    for item in volume["configMap"].get("items", []):
                        self.assertIn(item["key"], data)
                # Readable for the group that fsGroup gives, and for nobody else.
                if "secret" in volume:
                    self.assertEqual(volume["secret"]["defaultMode"], 0o440)

    @for_every_variant
    def test_files_of_the_settings_are_mounted(self, r):
        (server,) = r.server()["containers"]
        places = {m["mountPath"]: m for m in server["volumeMounts"]}
        data = r.get("ConfigMap")["data"]
        for name, value in r.settings().items():
            if name.endswith("_file") or name in ("catalog", "revision_dir", "log_dir"):
                parent = str(pathlib.PurePath(value).parent)
                self.assertIn(parent, places, name)
                if parent == "/etc/attune/config":
                    self.assertIn(pathlib.PurePath(value).name, data)
                self.assertEqual(places[parent].get("readOnly", False), name not in ("revision_dir", "log_dir"))

    @for_every_variant
    def test_settings_are_the_servers(self, r):
        known = server_settings()
        self.assertGreater(len(known), 30)
        self.assertLessEqual(set(r.settings()), known)

    @for_every_variant
    def test_there_is_time_to_stop(self, r):
        settings = r.settings()
        needs = sum(int(settings[n].rstrip("s")) for n in ("drain_delay", "shutdown_deadline"))
        # The server's watchdog ends it 5 s after that.
        self.assertGreater(r.server()["terminationGracePeriodSeconds"], needs + 5)

    @for_every_variant
    def test_no_secret_is_in_arguments_environment_or_settings(self, r):
        for _, template in r.pod_templates():
            for container in containers(template["spec"]):
                text = json.dumps([container.get("args"), container.get("command"), container.get("env")])
                self.assertNotRegex(text, r"[0-9a-f]{64}|BEGIN|[Pp]assword|[Tt]oken=")
                for variable in container.get("env", []):
                    self.assertNotIn("secretKeyRef", variable.get("valueFrom", {}))
        for entry in r.kind("ConfigMap"):
            self.assertNotRegex(json.dumps(entry["data"]), r"PRIVATE KEY")

    @for_every_variant
    def test_a_volume_has_one_server(self, r):
        for entry in r.kind("Deployment"):
            volumes = entry["spec"]["template"]["spec"]["volumes"]
            if any("persistentVolumeClaim" in v for v in volumes):
                self.assertEqual(entry["spec"]["replicas"], 1)
                self.assertEqual(entry["spec"]["strategy"], {"type": "Recreate"})
        for claim in r.kind("PersistentVolumeClaim"):
            self.assertNotIn("ReadWriteMany", claim["spec"]["accessModes"])


class Probes(unittest.TestCase):
    def probe(self, variant, name):
        (server,) = rendered(variant).server()["containers"]
        return {k: v for k, v in server[f"{name}Probe"].items() if k in ("grpc", "tcpSocket", "httpGet", "exec")}

    def test_without_tls_health_is_asked(self):
        self.assertEqual(self.probe("default", "readiness"), {"grpc": {"port": 50051, "service": "attune.v1.PromptService"}})
        for name in ("startup", "liveness"):
            # Not the data port: what a crowd there does must not restart the server.
            self.assertEqual(self.probe("default", name), {"grpc": {"port": 50052, "service": "attune.v1.PolicyService"}})

    def test_with_tls_the_kubelet_has_no_certificate(self):
        for variant in ("ha", "autoscaled"):
            self.assertEqual(self.probe(variant, "readiness"), {"httpGet": {"port": "health", "path": "/readyz"}})
            self.assertEqual(rendered(variant).settings()["health_listen"], "0.0.0.0:9466")
            self.assertEqual(self.probe(variant, "liveness"), {"tcpSocket": {"port": "grpc-control"}})

    def test_the_services_are_the_servers(self):
        protos = "".join(p.read_text() for p in (ROOT / "proto/attune/v1").glob("*.proto"))
        for name in ("readiness", "liveness"):
            service = self.probe("default", name)["grpc"]["service"]
            self.assertRegex(protos, rf'service {service.rpartition(".")[2]} {{')


class Networks(unittest.TestCase):
    def ports(self, policy, direction):
        return {p["port"] for rule in policy["spec"][direction] for p in rule["ports"]}

    def test_default(self):
        policy = rendered("default").get("NetworkPolicy")
        self.assertEqual(policy["spec"]["policyTypes"], ["Ingress", "Egress"])
        # The control plane is for nobody.
        self.assertEqual(self.ports(policy, "ingress"), {50051, 9464})
        self.assertEqual(policy["spec"]["egress"], [])

    def test_the_console_is_off_then_the_pods_own_then_for_a_proxy(self):
        self.assertNotIn("console_listen", rendered("default").settings())
        own = Rendered(sets=["console.enabled=true"])
        self.assertEqual(own.settings()["console_listen"], "127.0.0.1:9465")
        self.assertNotIn("attune-console", [s["metadata"]["name"] for s in own.kind("Service")])
        self.assertEqual(self.ports(own.get("NetworkPolicy"), "ingress"), {50051, 9464})
        shared = Rendered(sets=["console.enabled=true", "console.from[0].podSelector.matchLabels.app=oauth2-proxy"])
        self.assertEqual(shared.settings()["console_listen"], "0.0.0.0:9465")
        (rule,) = [r for r in shared.get("NetworkPolicy")["spec"]["ingress"] if r["ports"][0]["port"] == 9465]
        self.assertEqual(rule["from"], [{"podSelector": {"matchLabels": {"app": "oauth2-proxy"}}}])
        (port,) = shared.get("Service", "attune-console")["spec"]["ports"]
        (server,) = shared.server()["containers"]
        self.assertIn({"name": port["targetPort"], "containerPort": 9465}, server["ports"])

    def test_spans_go_to_the_collector_if_there_is_one(self):
        self.assertNotIn("otlp_endpoint", rendered("default").settings())
        r = rendered("ha")
        self.assertEqual(r.settings()["otlp_endpoint"], "http://otel-collector.observability:4318")
        self.assertEqual(r.settings()["trace_ratio"], "0.5")
        for name in ("attune", "attune-trainer"):
            (rule,) = [rule for rule in r.get("NetworkPolicy", name)["spec"]["egress"] if rule["ports"][0]["port"] == 4318]
            self.assertEqual(rule["to"], [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}])
        self.assertIn("--otlp-endpoint=http://otel-collector.observability:4318", str(r.kind("CronJob")))

    def test_an_empty_list_is_nobody(self):
        r = Rendered(sets=["networkPolicy.dataFrom=null", "networkPolicy.metricsFrom=null"])
        self.assertFalse(r.get("NetworkPolicy")["spec"]["ingress"])

    def test_all_rules_name_a_peer_and_a_port(self):
        for entry in rendered("ha").kind("NetworkPolicy"):
            for rule in entry["spec"]["ingress"]:
                if entry["metadata"]["name"] != "attune-edge":
                    self.assertTrue(rule["from"])
            for direction in ("ingress", "egress"):
                for rule in entry["spec"][direction]:
                    self.assertTrue(rule["ports"])

    def test_trainer_and_proxy_reach_what_they_need_and_no_more(self):
        r = rendered("ha")
        self.assertEqual(self.ports(r.get("NetworkPolicy"), "ingress"), {50051, 50052, 9464})
        self.assertEqual(self.ports(r.get("NetworkPolicy", "attune-trainer"), "egress"), {53, 50052, 8000, 4318})
        self.assertEqual(self.ports(r.get("NetworkPolicy", "attune-trainer"), "ingress"), set())
        self.assertEqual(self.ports(r.get("NetworkPolicy", "attune-edge"), "egress"), {53, 50051})
        self.assertEqual(self.ports(rendered("existing-tls").get("NetworkPolicy", "attune-trainer"), "egress"), {53, 50052, 443})
        data, control = r.get("NetworkPolicy")["spec"]["ingress"][:2]
        of = lambda rule: [p.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/component") for p in rule["from"]]
        self.assertIn("edge", of(data))
        self.assertNotIn("trainer", of(data))
        self.assertIn("trainer", of(control))
        self.assertNotIn("edge", of(control))


class Highly(unittest.TestCase):
    """Three replicas, mutual TLS, cert-manager, trainer, proxy."""

    def setUp(self):
        self.r = rendered("ha")

    def test_each_replica_has_a_volume_and_a_name(self):
        entry = self.r.get("StatefulSet")
        self.assertEqual(entry["spec"]["replicas"], 3)
        (claim,) = entry["spec"]["volumeClaimTemplates"]
        self.assertEqual(claim["spec"]["resources"]["requests"]["storage"], "20Gi")
        # It cannot be edited, so nothing in it may change with the chart.
        self.assertNotIn("helm.sh/chart", claim["metadata"]["labels"])
        service = self.r.get("Service", entry["spec"]["serviceName"])
        self.assertEqual(service["spec"]["clusterIP"], "None")

    def test_a_push_goes_to_every_replica_by_name(self):
        pod = self.r.get("CronJob", "attune-trainer")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        servers = [a for c in pod["containers"] for a in c["args"] if a.startswith("--server=")]
        self.assertEqual(servers, [f"--server=attune-{i}.attune.shop.svc:50052" for i in range(3)])
        names = self.r.get("Certificate")["spec"]["dnsNames"]
        self.assertIn("*.attune.shop.svc", names)

    def test_own_clients_have_certificates_and_roles(self):
        roles = yaml.safe_load(self.r.get("ConfigMap", "attune-roles")["data"]["roles.yaml"])
        for component, expected in (("trainer", ["trainer"]), ("edge", ["client", "feedback_writer"])):
            certificate = self.r.get("Certificate", f"attune-{component}")
            (name,) = certificate["spec"]["dnsNames"]
            self.assertEqual(roles[name], expected)
            self.assertIn("client auth", certificate["spec"]["usages"])
            used = [v["secret"]["secretName"] for n, t in self.r.pod_templates() if n == f"attune-{component}"
                    for v in t["spec"]["volumes"] if "secret" in v]
            self.assertIn(certificate["spec"]["secretName"], used)
        self.assertEqual(roles["spiffe://shop.example/operator"], ["operator"])

    def test_flags_of_the_trainer_are_the_trainers(self):
        sources = "".join(p.read_text() for pattern in ("*.cc", "*.h") for p in (ROOT / "trainer").glob(pattern))
        sources += (ROOT / "client/cli/tls_flags.h").read_text()
        for variant in ("ha", "existing-tls"):
            for name, template in rendered(variant).pod_templates():
                if "trainer" not in name:
                    continue
                for container in containers(template["spec"]):
                    self.assertIn(container["args"][0], ("train", "push"))
                    for flag in container["args"][1:]:
                        bare = flag.split("=")[0][2:]
                        self.assertRegex(sources, rf'"(--)?{re.escape(bare)}"', flag)

    def test_proxy_lets_only_prompts_through(self):
        config = self.r.get("ConfigMap", "attune-edge")["data"]["haproxy.cfg"]
        self.assertIn("deny_status 403 unless { path_beg /attune.v1.PromptService/ /grpc.health.v1.Health/ }", config)
        self.assertIn("verify required ca-file /etc/haproxy/client-ca/ca.crt", config)
        self.assertEqual(self.r.settings()["max_connections_per_address"], "0")

    def test_prometheus_objects(self):
        monitor = self.r.get("ServiceMonitor")
        (service,) = [s for s in self.r.kind("Service") if matches(monitor["spec"]["selector"]["matchLabels"], s["metadata"]["labels"])]
        self.assertEqual(service["metadata"]["name"], "attune-metrics")
        self.assertEqual(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])
        source = yaml.safe_load((ROOT / "deploy/prometheus/attune.rules.yaml").read_text())
        rules = self.r.get("PrometheusRule")["spec"]
        self.assertEqual([r["expr"] for g in rules["groups"] for r in g["rules"]], [r["expr"] for g in source["groups"] for r in g["rules"]])
        for rule in (r for g in rules["groups"] for r in g["rules"]):
            self.assertTrue(rule["annotations"]["runbook_url"].startswith("https://docs.shop.example/attune/runbooks#"))
        shown = json.loads(self.r.get("ConfigMap", "attune-dashboard")["data"]["attune.json"])
        self.assertEqual(shown, json.loads((ROOT / "deploy/grafana/attune.json").read_text()))
        self.assertEqual(shown["uid"], "attune")


class Sharing(unittest.TestCase):
    """Servers without volumes on one Redis."""

    def setUp(self):
        self.r = rendered("redis")

    def test_the_password_is_a_file_and_in_no_setting(self):
        settings = self.r.settings()
        self.assertEqual(settings["redis_url"], "redis://attune@redis.data.svc:6380/2")
        self.assertEqual(settings["redis_prefix"], "shop:")
        (volume,) = [v for v in self.r.server()["volumes"] if v["name"] == "redis"]
        self.assertEqual(volume["secret"]["secretName"], "attune-redis")
        self.assertNotIn("redis_url", rendered("default").settings())

    def test_the_server_reaches_redis_and_names_and_nothing_else(self):
        names, redis = self.r.get("NetworkPolicy")["spec"]["egress"]
        self.assertEqual({p["port"] for p in names["ports"]}, {53})
        self.assertEqual([p["port"] for p in redis["ports"]], [6380])
        self.assertEqual(redis["to"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], "data")
        policy = Rendered(sets=["redis.url=redis://redis"]).get("NetworkPolicy")
        self.assertEqual(policy["spec"]["egress"][1]["ports"][0]["port"], 6379)

    def test_a_push_goes_to_one(self):
        (container,) = self.r.get("Job", "attune-trainer-1")["spec"]["template"]["spec"]["containers"]
        self.assertIn("--server=attune-control.shop.svc:50052", container["args"])
        r = Rendered(["ha"], ["redis.url=redis://redis"])
        pod = r.get("CronJob", "attune-trainer")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        self.assertEqual(len(pod["containers"]), 1)


class Keys(unittest.TestCase):
    def test_made_keys_are_keys(self):
        import base64
        data = rendered("default").get("Secret", "attune-keys")["data"]
        self.assertEqual(set(data), {"token.key", "user.key"})
        keys = {base64.b64decode(v).decode() for v in data.values()}
        self.assertEqual(len(keys), 2)
        for key in keys:
            self.assertRegex(key, r"^[0-9a-f]{64}$")
        self.assertEqual(rendered("default").get("Secret", "attune-keys")["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")

    def test_an_existing_secret_is_used(self):
        self.assertEqual(rendered("ha").kind("Secret"), [])


class Autoscaled(unittest.TestCase):
    def test_the_autoscaler_owns_the_number(self):
        r = rendered("autoscaled")
        self.assertNotIn("replicas", r.get("StatefulSet")["spec"])
        self.assertEqual(r.get("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"], {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "attune"})
        self.assertEqual(rendered("default").kind("HorizontalPodAutoscaler"), [])


class Refusals(unittest.TestCase):
    """A wrong value is named, not rendered."""

    def refused(self, message, *sets, values=()):
        with self.subTest(sets):
            with self.assertRaisesRegex(RuntimeError, message):
                render_text(values, sets)

    def test_schema(self):
        self.refused("replica", "server.replica=2")
        self.refused("Additional property", "servr.replicas=2")
        self.refused("server.replicas", "server.replicas=0")
        self.refused("server.replicas", "server.replicas=two")
        self.refused("server.kind", "server.kind=DaemonSet")
        self.refused("max_cals", "server.settings.max_cals=5")
        self.refused("max_calls", "server.settings.max_calls=-1")
        self.refused("token_ttl", "server.settings.token_ttl=soon")
        self.refused("data_listen", "server.settings.data_listen=0.0.0.0:1")
        self.refused("health_listen", "server.settings.health_listen=0.0.0.0:1")
        self.refused("console_listen", "server.settings.console_listen=0.0.0.0:1")
        self.refused("tracing.endpoint", "tracing.endpoint=otel:4317")
        self.refused("tracing.ratio", "tracing.ratio=2")
        self.refused("tracing.ratio", "tracing.ratio=1.5")
        self.refused("ATTUNE_|extraEnv", "server.extraEnv[0].name=ATTUNE_LOG_LEVEL", "server.extraEnv[0].value=debug")
        self.refused("accessMode", "persistence.accessMode=ReadWriteMany")
        self.refused("persistence.size", "persistence.size=big")
        self.refused("tls.mode", "tls.mode=yes")
        self.refused("roles", "tls.mode=mutual", "tls.existingSecret=t")
        self.refused("tls.roles", "tls.roles.backend={admin}")
        self.refused("issuerRef", "tls.mode=server", "tls.certManager.enabled=true")
        self.refused("image.digest", "image.digest=sha256:123")
        self.refused("llm", "trainer.enabled=true")
        self.refused("server.catalog", "server.catalog=", values=["ha"])
        self.refused("llm.url", "trainer.llm.url=ftp://llm")
        # A password in a URL would be in an argument.
        self.refused("llm.url", "trainer.llm.url=https://user:secret@llm/v1")
        self.refused("readout", "trainer.readout=likelihood")
        self.refused("schedule", "trainer.schedule=nightly")
        self.refused("edge", "edge.enabled=true")
        self.refused("maxUnavailable", "podDisruptionBudget.maxUnavailable=0")
        self.refused("trustedKeys", "server.trustedKeys=-----BEGIN PRIVATE KEY-----")
        self.refused("drainDelaySeconds", "server.drainDelaySeconds=5s")
        self.refused("redis.url", "redis.url=rediss://redis")
        # A password in a URL would be in a ConfigMap.
        self.refused("redis.url", "redis.url=redis://user:secret@redis")
        self.refused("redis_max_records", "server.settings.redis_max_records=5")
        self.refused("redis_url", "server.settings.redis_url=redis://redis")

    def test_combinations(self):
        self.refused("replicas cannot share a volume", "server.replicas=2")
        self.refused("replicas cannot share a volume", "autoscaling.enabled=true")
        self.refused("existingClaim", "server.kind=StatefulSet", "persistence.existingClaim=old")
        self.refused("redis.url", "redis.existingSecret=s")
        self.refused("redis.existingSecret", "redis.url=redis://redis", "redis.user=u")
        self.refused("tls.existingSecret", "tls.mode=server")
        self.refused("either", "tls.mode=server", "tls.existingSecret=t", "tls.certManager.enabled=true", "tls.certManager.issuerRef.name=ca")
        self.refused("every replica", "autoscaling.enabled=true", values=["ha"])
        self.refused("not signed", "server.trustedKeys=-----BEGIN PUBLIC KEY-----", values=["ha"])
        self.refused("trainer.tls", "trainer.tls.existingSecret=", values=["existing-tls"])
        self.refused("console.from", "console.from[0].podSelector.matchLabels.app=proxy")
        self.refused("console.from", "networkPolicy.enabled=false", values=["existing-tls"])
        self.refused("edge.upstreamTls", "edge.upstreamTls.existingSecret=", values=["existing-tls"])

    def test_what_is_not_persistent_may_have_replicas(self):
        r = Rendered(sets=["server.replicas=2", "persistence.enabled=false"])
        self.assertEqual(r.get("Deployment")["spec"]["strategy"]["type"], "RollingUpdate")


class Documents(unittest.TestCase):
    def test_schema_is_strict_everywhere_and_values_are_all_in_it(self):
        definitions = schema()["definitions"]

        def walk(node, values, path):
            node = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
            if not isinstance(values, dict) or "properties" not in node:
                return
            self.assertIs(node.get("additionalProperties"), False, path)
            for name in values:
                self.assertIn(name, node["properties"], path)
                walk(node["properties"][name], values[name], f"{path}.{name}")

        values = yaml.safe_load((CHART / "values.yaml").read_text())
        walk(schema(), values, "")
        # Nothing but Helm's own `global` is hidden from a reader of values.yaml.
        self.assertEqual(set(schema()["properties"]) - set(values), {"global"})

    def test_the_schema_has_every_setting_that_the_chart_does_not_make(self):
        made = set().union(*(rendered(v).settings() for v in VARIANTS)) - {"max_connections_per_address"}
        free = set(schema()["properties"]["server"]["properties"]["settings"]["properties"])
        # A second key file is not needed: token.key may hold several keys. Ports are fixed. A pod's name is its replica's. A collector
        # in the cluster asks for no key, and knows those of others.
        left_out = {"token_previous_key_file", "port_file", "replica", "otlp_headers_file"}
        self.assertEqual((made | free) ^ server_settings(), left_out | (made & free) - server_settings())

    def test_notes(self):
        """Helm renders them at an installation alone, so here as a template."""
        with tempfile.TemporaryDirectory() as work:
            copy = pathlib.Path(shutil.copytree(CHART, pathlib.Path(work) / "attune"))
            (copy / "templates/NOTES.txt").rename(copy / "NOTES.txt")
            (copy / "templates/notes.yaml").write_text('kind: Notes\ntext: |\n  {{- tpl (.Files.Get "NOTES.txt") . | nindent 2 }}\n')

            def notes(*arguments):
                done = helm("template", "attune", copy, "--namespace", "shop", "--kube-version", "v1.36.0",
                            "--show-only", "templates/notes.yaml", *arguments)
                self.assertEqual(done.returncode, 0, done.stderr)
                return yaml.safe_load(done.stdout)["text"]

            text = notes()
            self.assertIn("dns:///attune.shop.svc:50051", text)
            self.assertNotIn("WARNING", text)
            self.assertIn("3 replicas, each with its own", notes("--values", CHART / "ci/ha-values.yaml"))
            self.assertEqual(notes("--values", CHART / "ci/minimal-values.yaml").count("WARNING"), 2)

    def test_the_docs_commands_render(self):
        commands = []
        for page in ("README.md", "docs/kubernetes.md"):
            text = (ROOT / page).read_text().replace("\\\n", " ")
            commands += re.findall(r"^helm (?:install|template) (attune deploy/helm/attune[^#\n]*)", text, re.M)
        self.assertGreater(len(commands), 3)
        for command in commands:
            with self.subTest(command):
                arguments = command.replace("--create-namespace", "").replace("deploy/helm", str(ROOT / "deploy/helm")).split()
                done = helm("template", *arguments, "--kube-version", "v1.36.0")
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_docs_values_are_values(self):
        for block in re.findall(r"```yaml\n(tls:.*?)```", (ROOT / "docs/kubernetes.md").read_text(), re.S):
            done = helm("template", "attune", CHART, "--values", "-", "--kube-version", "v1.36.0", stdin=block)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_value_is_explained(self):
        lines = (CHART / "values.yaml").read_text().splitlines()
        for number, line in enumerate(lines):
            if re.match(r"^\w+:", line):
                section = "\n".join(lines[max(0, number - 1):number + 3])
                self.assertIn("#", section, line)

    def test_kustomize_base_is_up_to_date(self):
        done = subprocess.run([ROOT / "deploy/render.sh", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_kustomize_base_is_whole(self):
        base = ROOT / "deploy/kustomize/base"
        listed = yaml.safe_load((base / "kustomization.yaml").read_text())["resources"]
        self.assertEqual(sorted(listed), sorted(p.name for p in base.glob("*.yaml") if p.name != "kustomization.yaml"))

    def test_every_alert_has_a_runbook_and_every_runbook_an_alert(self):
        rules = yaml.safe_load((ROOT / "deploy/prometheus/attune.rules.yaml").read_text())
        anchors = {h.lower() for h in re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.M)}
        used = set()
        for rule in (r for g in rules["groups"] for r in g["rules"]):
            page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
            self.assertEqual(page, "docs/runbooks.md")
            self.assertIn(anchor, anchors, rule["alert"])
            self.assertTrue(rule["alert"].lower().startswith(anchor))
            used.add(anchor)
        self.assertEqual(used, anchors)


if __name__ == "__main__":
    unittest.main(verbosity=1)
