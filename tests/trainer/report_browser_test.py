#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a report in chromium, 390 and 1280 pixels wide, and asks what is there.

usage: report_browser_test.py ATTUNE_TRAINER

Exit code 77 if chromium is not installed.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--allow-file-access-from-files", "--virtual-time-budget=4000"]
# The page in a frame of the width, and what a script outside sees of it.
FRAME = """<!DOCTYPE html><style>iframe{width:%dpx;height:900px}</style><iframe src="%s"></iframe>
<pre></pre><script>onload = () => setTimeout(() => {
  const page = document.querySelector("iframe").contentDocument, all = (q) => [...page.querySelectorAll(q)];
  document.querySelector("pre").textContent = "SEEN" + JSON.stringify({
    width: page.documentElement.scrollWidth, plots: all(".plot svg").length, heat: all("table.heat").length,
    tables: all("details table").length, sections: all("section h3").map((h) => h.textContent),
    story: page.querySelector(".story").textContent, title: page.querySelector("h2").textContent,
    broken: all("svg *").filter((e) => [...e.attributes].some((a) => /NaN|undefined/.test(a.value))).length,
    heads: [...all("table.heat")[0]?.querySelectorAll("thead th") ?? []].map((h) => h.textContent),
    injected: all("img, b").length}) + "END";
}, 1000);</script>"""


def look(page, width, work):
    frame = work / f"frame{width}.html"
    frame.write_text(FRAME % (width, page.as_uri()))
    with tempfile.TemporaryDirectory(dir=work) as profile:
        dom = subprocess.run(["chromium", *FLAGS, f"--user-data-dir={profile}", "--dump-dom", frame.as_uri()],
                             capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r"SEEN(.*)END</pre>", dom)
    assert found, f"the page was not drawn:\n{dom[-2000:]}"
    text = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(text)


def make(trainer, evaluation, work):
    source, page = work / "evaluation.json", work / "page.html"
    source.write_text(json.dumps(evaluation))
    subprocess.run([trainer, "report", str(source), "--out", str(page)], check=True, stdout=subprocess.DEVNULL)
    return page


def main(argv):
    if shutil.which("chromium") is None:
        print("skipped: chromium is not installed")
        return 77
    sample = json.loads(subprocess.run([sys.executable, HERE / "report_sample.py"],
                                       capture_output=True, check=True).stdout)
    sample["dataset"] = "</script><img src=x><b>made up</b>"
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        page = make(argv[1], sample, work)
        for width in (390, 1280):
            seen = look(page, width, work)
            assert seen["width"] <= width, f"{seen['width']} pixels wide in a window of {width}"
            assert seen["plots"] == 9, seen
            assert seen["heat"] == 20, seen
            assert len(seen["sections"]) == 10, seen
            assert seen["tables"] >= 8 and seen["broken"] == 0 and seen["injected"] == 0, seen
            assert seen["title"] == sample["dataset"], seen
            assert seen["heads"][1:] == ["1-3", "4-10", "11-30", "31+"], seen
            assert "best fixed prompt by" in seen["story"] and "another user's prompt" in seen["story"], seen
            print(f"{width} pixels: {seen['plots']} plots, {seen['heat']} heat maps, {len(seen['sections'])} sections")
        # The least that is allowed: what is absent is left out.
        least = {key: sample[key] for key in ("schema", "dataset")}
        method = sample["methods"][0]
        least["methods"] = [{"name": "one", "kind": "prompt", "slices": {
            "all": {"ndcg_at_10": method["slices"]["all"]["ndcg_at_10"]}}}]
        seen = look(make(argv[1], least, work), 390, work)
        assert seen["plots"] == 1 and seen["broken"] == 0 and len(seen["sections"]) == 1, seen
    print("3 passed, 0 failed")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("XDG_CONFIG_HOME", tempfile.gettempdir())
    sys.exit(main(sys.argv))
