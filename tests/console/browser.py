# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven by W3C WebDriver with nothing but the standard library."""
import base64
import json
import re
import subprocess
import urllib.error
import urllib.request

# What an element is called in WebDriver's JSON.
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Control": "\ue009", "Shift": "\ue008", "Space": " ", "Right": "\ue014"}
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
             "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-US",
             # Nobody else can be asked, whatever the page wants.
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


class Browser:
    def __init__(self, profile, log):
        with open(log, "w") as errors:
            self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=errors, text=True)
        port = None
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                port = found.group(1)
                break
        if port is None:
            raise RuntimeError(f"chromedriver does not start: see {log}")
        self.url = f"http://127.0.0.1:{port}/session"
        try:
            made = self._call("POST", "", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}}}})
        except Exception:
            self.driver.kill()
            raise
        self.url += "/" + made["sessionId"]

    def close(self):
        try:
            self._call("DELETE", "", None)
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()

    def _call(self, method, path, body):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command, **parameters):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def press(self, *names, held=()):
        """Keys, one after the other, while others are held."""
        strokes = [{"type": "keyDown", "value": KEYS[k]} for k in held]
        for name in names:
            value = KEYS.get(name, name)
            strokes += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        strokes += [{"type": "keyUp", "value": KEYS[k]} for k in held]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def type(self, text):
        self.press(*("Enter" if c == "\n" else c for c in text))

    def log(self, kind):
        """What came since the last call."""
        return self._call("POST", "/se/log", {"type": kind})

    def requests(self):
        """URLs that the page asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def window(self, width, height, phone=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone)

    def colours(self, scheme):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path, whole=True):
        """All of the page, or what is in the window."""
        path.write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]))
