#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console in a real browser: attune_server with revisions and traffic, Chromium, a keyboard.

usage: console_browser_test.py BUILD_DIR

Leaves screenshots to look at in BUILD_DIR/console. Without Chromium it exits 77 (skipped), or 1 with
ATTUNE_REQUIRE_INTEGRATION=1.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from browser import Browser

ROOT = pathlib.Path(__file__).resolve().parents[2]
CATALOG = ROOT / "policy/catalogs/movies.yaml"
SECONDS = 60
HOSTILE = "<img src=x onerror=document.title=1><script>document.title=2</script>"


def wait_for(what, condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(what)


class Server:
    def __init__(self, work):
        self.work = work
        ports = work / "ports.json"
        listen = [a for name in ("data", "control", "metrics", "console") for a in (f"--{name}_listen", "127.0.0.1:0")]
        with open(work / "server.log", "w") as log:
            self.process = subprocess.Popen([BUILD / "server/attune_server", *listen, "--catalog", CATALOG, "--revision_dir", work / "revisions",
                                             "--port_file", ports], stdout=log, stderr=log)
        wait_for("the server starts", lambda: ports.exists() or self.process.poll() is not None)
        self.ports = json.loads(ports.read_text())
        self.console = f'http://127.0.0.1:{self.ports["console_port"]}/'

    def attune(self, command, *arguments):
        control = command in ("push", "traffic", "revisions")
        done = subprocess.run([BUILD / "client/attune", command, "--control" if control else "--server",
                               f'127.0.0.1:{self.ports["control_port" if control else "data_port"]}', "--timeout", "20", *map(str, arguments)],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def push(self, seed):
        out = self.work / f"revision-{seed}"
        subprocess.run([BUILD / "trainer/attune_trainer", "train", "--backend", "sim", "--budget", "64", "--seed", str(seed), "--catalog", CATALOG,
                        "--out", out], check=True, capture_output=True)
        return json.loads(self.attune("push", "--json", out / "revision.attune"))["revision"]["revision_id"]

    def traffic(self, prompts):
        for i in range(prompts):
            answer = self.attune("prompt", "--json", "--user", f"user-{i}", "--history", "50=Star Wars (1977)", "--history", "1=Toy Story (1995)",
                                 "--candidate", "181=Return of the Jedi (1983)", "--candidate", "258=Contact (1997)")
            if i % 2:
                self.attune("feedback", "--token", json.loads(answer)["decision_token"], "--reward", "0.5")

    def metric(self, name):
        text = subprocess.run(["curl", "-s", f'http://127.0.0.1:{self.ports["metrics_port"]}/metrics'], capture_output=True, text=True, check=True).stdout
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def close(self):
        self.process.terminate()
        self.process.wait()


class ConsoleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="attune-console-"))
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        cls.shots = BUILD / "console"
        shutil.rmtree(cls.shots, ignore_errors=True)
        cls.shots.mkdir(parents=True)
        cls.server = Server(cls.work)
        cls.addClassCleanup(cls.server.close)
        cls.page = Browser(cls.work / "profile", cls.work / "chromedriver.log")
        cls.addClassCleanup(cls.page.close)
        cls.page.window(1280, 900)
        cls.page.open(cls.server.console)
        cls.see_empty()
        cls.active, cls.canary, cls.shadow = (cls.server.push(seed) for seed in (1, 2, 3))
        cls.server.attune("traffic", "--active", cls.active, "--canary", cls.canary, "--share", "0.25", "--shadow", cls.shadow,
                          "--reason", f"test {HOSTILE}")
        cls.server.traffic(30)

    @classmethod
    def see_empty(cls):
        """Before anything was pushed or asked."""
        wait_for("the page says what to do", lambda: "No revision yet" in cls.text("#traffic"))
        for selector, command in (("#traffic", "attune push"), ("#choices", "attune prompt")):
            assert command in cls.text(selector), selector
        cls.page.screenshot(cls.shots / "empty.png")

    @classmethod
    def text(cls, selector):
        return cls.page.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def setUp(self):
        self.refused = False
        self.page.window(1280, 900)
        self.page.colours("light")
        self.page.open(self.server.console)
        wait_for("numbers", lambda: self.active in self.text("#traffic"))

    def tearDown(self):
        problems = [e["message"] for e in self.page.log("browser") if e["level"] in ("SEVERE", "WARNING") and not self.meant(e["message"])]
        self.assertEqual(problems, [])
        # Before it opens ours, the browser shows a page of its own.
        foreign = [url for url in self.page.requests() if not url.startswith((self.server.console, "chrome:", "data:"))]
        self.assertEqual(foreign, [])

    def meant(self, message):
        """Whether a test wants what the browser's console complains about."""
        return self.refused and "api/preview" in message and "400 (Bad Request)" in message

    def active_id(self):
        return self.page.run("return document.activeElement.id")

    def tab_to(self, element):
        """Presses Tab until the element has the focus, which must be seen on the way."""
        for _ in range(60):
            self.page.press("Tab")
            seen = self.page.run("const s = getComputedStyle(document.activeElement); return document.activeElement === document.body || s.outlineStyle !== 'none'")
            self.assertTrue(seen, f"focus is invisible on {self.active_id()}")
            if self.active_id() == element:
                return
        self.fail(f"Tab does not reach {element}")

    def preview_by_keyboard(self, history, candidates):
        self.tab_to("history")
        self.page.type(history)
        self.tab_to("candidates")
        self.page.type(candidates)
        self.page.press("Enter", held=["Control"])

    def test_shows_revisions_traffic_and_numbers(self):
        traffic = self.text("#traffic")
        for words in (self.active, self.canary, self.shadow, "75% of users", "25% of users", "active since", "not signed"):
            self.assertIn(words, traffic)
        wait_for("choices", lambda: "recent_" in self.text("#choices"))
        self.assertRegex(self.text("#calls"), r"GetPrompt\s+\d+\s+[\d.]+\s+none")
        self.assertRegex(self.text("#latency"), r"p99\s+[\d.]+ .s")
        self.assertIn("set traffic by", self.text("#changes-body"))

    def test_previews_by_keyboard_alone(self):
        before = self.server.metric("attune_decisions_total")
        self.preview_by_keyboard("50=Heat (1995)\nAlien (1979)", "Contact (1997)\nFargo (1996)\nBrazil (1985)")
        wait_for("a preview", lambda: "Why" in self.text("#preview"))
        for words in ("Alien (1979)", "Contact (1997)", "chosen", "hint", "format"):
            self.assertIn(words, self.text("#preview"))
        self.assertEqual(self.active_id(), "candidates", "the focus went away")
        bars = self.page.run("return document.querySelectorAll('#preview .pattern .options svg').length")
        self.assertGreater(bars, 15)
        self.assertEqual(self.server.metric("attune_decisions_total"), before, "the preview was counted as a decision")
        self.tab_to("again")
        told = self.text("#told")
        wait_for("another draw", lambda: self.page.press("Enter") or self.text("#told") != told)

    def test_names_what_is_wrong_and_keeps_the_focus(self):
        self.refused = True
        self.preview_by_keyboard("Alien (1979)", "Contact (1997)")
        wait_for("a problem", lambda: self.text("#problem"))
        self.assertIn("candidates", self.text("#problem"))
        self.assertEqual(self.page.run("return document.getElementById('candidates').getAttribute('aria-invalid')"), "true")
        self.page.press("Enter")
        self.page.type("Brazil (1985)")
        self.page.press("Enter", held=["Control"])
        wait_for("a preview", lambda: "Why" in self.text("#preview"))
        self.assertEqual(self.text("#problem"), "")

    def test_takes_a_request_as_json(self):
        request = {"history": [{"item_id": 50, "title": "Star Wars (1977)", "genres": ["Sci-Fi"]}], "candidates": [{"itemId": "2", "title": "Heat"}, "Fargo"]}
        self.tab_to("history")
        self.page.type(json.dumps(request))
        self.page.press("Enter", held=["Control"])
        wait_for("a preview", lambda: "Fargo" in self.text("#preview"))

    def test_text_of_others_is_text(self):
        self.preview_by_keyboard(HOSTILE, f"{HOSTILE}\nFargo (1996)")
        wait_for("a preview", lambda: "onerror" in self.text("#preview"))
        self.assertIn("onerror", self.text("#changes-body"))
        made = self.page.run("return document.querySelectorAll('main img, main script').length + document.title")
        self.assertEqual(made, "0Attune console")

    def test_updates_leave_focus_and_caret_alone(self):
        self.tab_to("history")
        self.page.type("Alien (1979)")
        self.page.run("document.getElementById('history').setSelectionRange(2, 5)")
        for _ in range(2):
            clock = self.text("#clock")
            wait_for("an update", lambda: self.text("#clock") != clock)
        where = self.page.run("const a = document.activeElement; return [a.id, a.selectionStart, a.selectionEnd, a.value]")
        self.assertEqual(where, ["history", 2, 5, "Alien (1979)"])

    def test_has_names_landmarks_and_one_heading(self):
        nameless = self.page.run("""return [...document.querySelectorAll('input, select, textarea, button')]
          .filter(e => !(e.labels?.length || e.textContent.trim())).map(e => e.outerHTML)""")
        self.assertEqual(nameless, [])
        counts = self.page.run("return ['header', 'nav', 'main', 'footer', 'h1'].map(t => document.querySelectorAll(t).length)")
        self.assertEqual(counts, [1, 1, 1, 1, 1])
        levels = self.page.run("return [...document.querySelectorAll('h1,h2,h3,h4')].map(e => Number(e.tagName[1]))")
        self.assertTrue(all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels)

    def test_text_has_contrast_in_light_and_dark(self):
        self.page.run("document.getElementById('example').click()")
        wait_for("a preview", lambda: "Why" in self.text("#preview"))
        for scheme in ("light", "dark"):
            self.page.colours(scheme)
            self.assertEqual(self.page.run(CONTRAST), [], scheme)

    def test_fits_every_width(self):
        self.page.run("document.getElementById('example').click()")
        wait_for("a preview", lambda: "Why" in self.text("#preview"))
        for width in (1280, 820, 390, 360, 320):
            self.page.window(width, 844, phone=width < 500)
            self.assertEqual(self.page.run("return [document.documentElement.scrollWidth, innerWidth]"), [width, width])

    def test_screenshots(self):
        self.page.run("document.getElementById('example').click()")
        wait_for("a preview", lambda: "Why" in self.text("#preview"))
        for i in range(4):
            self.server.traffic(6)
            clock = self.text("#clock")
            wait_for("an update", lambda: self.text("#clock") != clock)
        for name, size, scheme in (("desktop", (1280, 900), "light"), ("desktop-dark", (1280, 900), "dark"),
                                   ("phone", (390, 844, True), "light"), ("phone-dark", (390, 844, True), "dark")):
            self.page.window(*size)
            self.page.colours(scheme)
            self.page.run("scrollTo(0, 0)")
            self.page.screenshot(self.shots / f"{name}.png")
            self.assertGreater((self.shots / f"{name}.png").stat().st_size, 20000)

    def test_zz_says_so_when_the_server_is_gone(self):
        self.server.close()
        wait_for("the page says so", lambda: "No answer" in self.text("#live"))
        self.assertIn(self.active, self.text("#traffic"), "what was known is gone")
        self.page.screenshot(self.shots / "lost.png", whole=False)
        # What failed is what was meant to.
        self.page.log("browser")


# Texts whose contrast with what is behind them is below 4.5 (WCAG AA).
CONTRAST = """
const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const parse = c => c.match(/[\\d.]+/g).map(Number);
const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .map(e => { const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))].sort((x, y) => y - x); return [(a + .05) / (b + .05), e.className + ' ' + e.textContent.slice(0, 30)]; })
  .filter(([ratio]) => ratio < 4.5).map(([ratio, text]) => ratio.toFixed(2) + ' ' + text).slice(0, 5);
"""


def main():
    missing = [program for program in ("chromedriver", "chromium", "curl") if shutil.which(program) is None]
    if missing:
        print(f"cannot run: no {', '.join(missing)}; scripts/setup.sh test installs it", file=sys.stderr)
        return 1 if os.environ.get("ATTUNE_REQUIRE_INTEGRATION", "0") != "0" else 77
    unittest.main(argv=sys.argv[:1], verbosity=2)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    BUILD = pathlib.Path(sys.argv[1]).resolve()
    sys.exit(main())
