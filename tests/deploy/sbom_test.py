#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/sbom.py on a root file system of a few lines."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from chart import ROOT

STATUS = """\
Package: libgood1
Status: install ok installed
Maintainer: Some Body <some@example.org>
Architecture: amd64
Source: good (1.2-3)
Version: 1.2-3+b1
Homepage: https://good.example

Package: good-bin
Status: install ok installed
Architecture: all
Source: good
Version: 1.2-3

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 9

Package: c++~odd
Status: install ok installed
Architecture: amd64
Version: 1:2~rc+1
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: good

Files: *
Copyright: somebody
License: GPL-2+ or Expat

Files: a
License: LGPL-2.1 and BSD-3-clause
 whole text:
 License: not-one

Files: b
License: GPL-3+ with OpenSSL exception

Files: c
License: Our own/1

License: Artistic
 only a text that others name
"""


class Sbom(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        self.write("var/lib/dpkg/status", STATUS)
        self.write("usr/share/doc/libgood1/copyright", COPYRIGHT)
        (self.root / "usr/share/doc/good-bin").symlink_to("libgood1")
        self.write("usr/share/doc/c++~odd/copyright", "This is what somebody wrote in 1999. License: see elsewhere.\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def run_tool(self, *flags):
        out = self.root / "sbom.json"
        done = subprocess.run([sys.executable, ROOT / "tools/sbom.py", "--root", self.root, "--name", "image", "--version", "7", "--out", out,
                               *flags], env={"SOURCE_DATE_EPOCH": "86400"}, capture_output=True, text=True, check=False)
        return (json.loads(out.read_text()), out.read_bytes()) if done.returncode == 0 else (None, done.stderr)

    def test_it_names_packages_sources_and_licences(self):
        sbom, _ = self.run_tool("--vendored", "thing=2=MIT")
        packages = {p["name"]: p for p in sbom["packages"] if p.get("primaryPackagePurpose") != "SOURCE"}
        self.assertEqual(set(packages), {"image", "libgood1", "good-bin", "c++~odd", "thing"})
        declared = "(GPL-2.0-or-later OR MIT) AND BSD-3-Clause AND GPL-3.0-or-later AND LGPL-2.1-only AND LicenseRef-debian-Our-own-1"
        self.assertEqual(packages["libgood1"]["licenseDeclared"], declared)
        self.assertEqual(packages["good-bin"]["licenseDeclared"], declared)
        self.assertEqual(packages["c++~odd"]["licenseDeclared"], "NOASSERTION")
        self.assertEqual([i["name"] for i in sbom["hasExtractedLicensingInfos"]], ["Our own/1"])
        self.assertEqual(packages["libgood1"]["supplier"], "Organization: Some Body (some@example.org)")
        self.assertEqual(packages["c++~odd"]["externalRefs"][0]["referenceLocator"], "pkg:deb/debian/c%2B%2B~odd@1%3A2~rc%2B1?arch=amd64")
        sources = [(p["name"], p["versionInfo"]) for p in sbom["packages"] if p.get("primaryPackagePurpose") == "SOURCE"]
        self.assertEqual(sources, [("c++~odd", "1:2~rc+1"), ("good", "1.2-3")])
        kinds = sorted(r["relationshipType"] for r in sbom["relationships"])
        self.assertEqual(kinds, ["CONTAINS"] * 3 + ["DESCRIBES"] + ["GENERATED_FROM"] * 3 + ["STATIC_LINK"])
        self.assertEqual(sbom["creationInfo"]["created"], "1970-01-02T00:00:00Z")

    def test_the_same_root_gives_the_same_bytes_and_another_one_another_name(self):
        first, bytes_ = self.run_tool()
        self.assertEqual(self.run_tool()[1], bytes_)
        self.write("var/lib/dpkg/status", STATUS.replace("1.2-3+b1", "1.2-3+b2"))
        self.assertNotEqual(self.run_tool()[0]["documentNamespace"], first["documentNamespace"])

    def test_what_is_wrong_is_said(self):
        self.assertIn("--compiled-in no-such-package", self.run_tool("--compiled-in", "no-such-package")[1])
        self.write("var/lib/dpkg/status", "")
        self.assertIn("names no installed package", self.run_tool()[1])


if __name__ == "__main__":
    unittest.main(verbosity=1)
