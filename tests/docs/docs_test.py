#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documentation tells the truth where a program can tell: it builds, its links lead somewhere, what it names is there, and
the commands of the tutorial and of the README's beginning work.

usage: docs_test.py BUILD_DIR [TEST...]

Needs no network.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/docs"))
import blocks  # noqa: E402
import build_site  # noqa: E402
import errors  # noqa: E402
import flags  # noqa: E402
import metrics  # noqa: E402
import names  # noqa: E402
import page_text  # noqa: E402

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else ROOT / "build/release"
CACHE = pathlib.Path(os.environ.get("ATTUNE_CACHE", pathlib.Path.home() / ".cache/attune"))


class DocsTest(unittest.TestCase):
    def directory(self):
        path = pathlib.Path(tempfile.mkdtemp(prefix="attune-docs-"))
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def expect_none(self, problems):
        problems = list(problems)
        self.assertEqual(problems, [], "\n" + "\n".join(problems))


class SiteTest(DocsTest):
    @classmethod
    def setUpClass(cls):
        cls.out = BUILD / "docs"
        cls.code = build_site.build(ROOT, BUILD, cls.out, True, CACHE / "googleapis")

    def test_it_builds_strictly(self):
        self.assertEqual(self.code, 0)
        for page in ("index", "tutorial", "reference/api", "reference/flags", "reference/metrics", "reference/values",
                     "reference/errors", "adr/index"):
            self.assertTrue((self.out / f"site/{page}.html").exists(), page)

    def test_a_link_that_leads_nowhere_is_noticed(self):
        work = self.directory()
        shutil.copytree(self.out / "pages", work / "pages")
        (work / "pages/index.md").write_text("[a](tutorial.md#no-such-heading)\n")
        self.assertNotEqual(build_site.Site(ROOT, BUILD, work).mkdocs(True), 0)

    def test_it_loads_nothing_from_elsewhere(self):
        loaded = re.compile(r'<(?:script|img|iframe)[^>]* src="(?:https?:)?//[^"]*"|<link[^>]*rel="(?:stylesheet|preconnect)"[^>]*href="(?:https?:)?//[^"]*"')
        for path in (self.out / "site").rglob("*.html"):
            self.assertIsNone(loaded.search(path.read_text()), path)

    def test_every_page_of_docs_is_in_the_navigation(self):
        listed = (ROOT / "docs/mkdocs.yml").read_text()
        for path in (ROOT / "docs").rglob("*.md"):
            name = path.relative_to(ROOT / "docs").as_posix()
            self.assertTrue(f": {name}\n" in listed or name.startswith("adr/"), name)

    def problems_of_link(self, page, target):
        bare, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            parts = urllib.parse.urlsplit(target)
            if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+\.\w+|localhost(:\d+)?", parts.netloc):
                yield f"{target} has no form of an address"
            return
        path = (page.parent / bare).resolve() if bare else page
        if not path.exists() and ROOT / "docs" in path.parents:
            # A page that is generated.
            path = self.out / "pages" / path.relative_to(ROOT / "docs")
        if not path.exists():
            yield f"{target} is not there"
        elif anchor and path.suffix == ".md" and anchor not in page_text.anchors(path.read_text()):
            yield f"{target}: no such heading"

    def test_every_link_of_the_repository_leads_somewhere(self):
        count, problems = 0, []
        for page in names.tracked(ROOT):
            for _, target in page_text.links(page.read_text()):
                count += 1
                problems += [f"{page.relative_to(ROOT)}: {what}" for what in self.problems_of_link(page, target)]
        self.expect_none(problems)
        self.assertGreater(count, 100)


class NamesTest(DocsTest):
    def test_every_flag_is_one(self):
        self.expect_none(names.wrong_flags(ROOT, flags.helps(BUILD)))

    def test_every_setting_of_the_server_has_its_line(self):
        text = (ROOT / "docs/server.md").read_text()
        known = set(names.FLAG.findall(flags.help_text(BUILD, "attune_server")))
        undocumented = known - set(names.FLAG.findall(text)) - {"--help", "--version"}
        self.expect_none(f"docs/server.md lacks {flag}" for flag in sorted(undocumented))

    def test_every_metric_is_one(self):
        self.expect_none(names.wrong_metrics(ROOT, metrics.names(ROOT)))

    def test_every_reason_is_one(self):
        self.expect_none(errors.problems(ROOT))


class MetricsTest(DocsTest):
    def test_every_row_is_used(self):
        sources = "\n".join(path.read_text() for path in (ROOT / "server").glob("*.cc"))
        self.expect_none(f"{name} has a row in {metrics.TABLE} and no use" for name in sorted(metrics.names(ROOT))
                         if f'"{name}"' not in sources)

    def scrape(self, *words):
        work = self.directory()
        server = subprocess.Popen([BUILD / "server/attune_server", "--revision_dir", work / "revisions", "--port_file",
                                   work / "ports.json", "--data_listen", "127.0.0.1:0", "--control_listen", "127.0.0.1:0",
                                   "--metrics_listen", "127.0.0.1:0", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  text=True)
        try:
            # One line, once it listens.
            port = re.search(r'"metrics_port": (\d+)', server.stdout.readline()).group(1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return answer.read().decode()
        finally:
            server.terminate()
            server.communicate(timeout=30)

    def certificate(self):
        work = self.directory()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
                        "-keyout", work / "key", "-out", work / "cert", "-subj", "/CN=a", "-addext",
                        "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        return ["--tls_cert_file", work / "cert", "--tls_key_file", work / "key"]

    def test_what_is_exposed_is_declared(self):
        declared = {name: (kind.removeprefix("k").lower(), text) for _, name, kind, _, _, text in metrics.rows(ROOT)}
        exposed = set()
        for words in ([], self.certificate(), ["--otlp_endpoint", "http://127.0.0.1:9"]):
            text = self.scrape(*words)
            kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
            for name, told in re.findall(r"^# HELP (\S+) (.*)$", text, re.M):
                if not name.startswith("exposer_"):
                    self.assertEqual((kinds[name], told), declared.get(name), name)
                    exposed.add(name)
        self.assertGreater(len(exposed), 20)
        self.assertIn("attune_tls_certificate_expiry_seconds", exposed)
        self.assertIn("attune_trace_spans_total", exposed)


class CommandsTest(DocsTest):
    def test_the_tutorial_works(self):
        began = time.monotonic()
        count = blocks.run(ROOT / "docs/tutorial.md", ROOT, self.directory(), 600)
        print(f"tutorial: {count} blocks in {time.monotonic() - began:.0f} s")
        self.assertGreater(count, 8)

    def test_a_block_that_fails_or_prints_something_else_is_noticed(self):
        page = self.directory() / "page.md"
        for text, told in (("```bash\nfalse\n```\n", "failed"), ("```bash\necho a\n```\n\n```text\nb\n```\n", "did not print"),
                           ("```sh\ntrue\n```\n", "would not be run"), ("```text\na\n\n```bash\ntrue\n```\n", "not closed"), ("```bash\necho a\n```\n```bash\nfalse\ntrue\n```\n", "page.md:4 failed")):
            page.write_text(text)
            with self.assertRaisesRegex(AssertionError, told):
                blocks.run(page, ROOT, self.directory(), 60)

    def test_the_first_prompt_takes_two_commands(self):
        work = self.directory()
        environment = {**os.environ, "ATTUNE_QUICKSTART_DIR": str(work),
                       **{f"ATTUNE_{name}_LISTEN": "127.0.0.1:0" for name in ("DATA", "CONTROL", "METRICS")}}
        shell = lambda command: subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True,
                                               timeout=600, check=True).stdout
        readme = (ROOT / "README.md").read_text()
        block = next(body for kind, body in blocks.BLOCK.findall(readme) if kind == "bash")
        first, second, third = block.strip().splitlines()
        self.assertEqual(first.split("  #")[0].strip(), "bash scripts/quickstart.sh")
        told = shell(first)
        try:
            self.assertIn("attune_server runs on 127.0.0.1", told)
            shown = re.search(r"^  (build/\S+/attune prompt(?:.*\\\n)*.*)", told, re.M).group(1)
            server = re.search(r" --server \S+", shown).group()
            prompt = shell(second.split("  #")[0].replace("attune prompt", "attune prompt" + server))
            for printed in (prompt, shell(shown)):
                self.assertRegex(printed, r"revision  uniform-\w+\n(.*\n)+history +\w+ +0\.\d+\n(.*\n)+--- user\n")
        finally:
            shell("bash scripts/quickstart.sh --stop")
        if shutil.which("helm") or list(CACHE.glob("helm-*/helm")):
            self.assertIn("\nkind: Deployment\n", shell(third.split("  #")[0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
