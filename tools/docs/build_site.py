#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the site's pages together and builds it with MkDocs.

usage: build_site.py ROOT BUILD_DIR OUT [--strict]

Pages are those of docs/, the clients' READMEs, and what is generated from sources: API,
flags, metrics, Helm values, errors, decisions. Files that pages link to and that are no
pages become pages that show them, so that every link works without a network. BUILD_DIR
has the programs whose --help is shown. Leaves OUT/pages and OUT/site.
"""
import os
import pathlib
import posixpath
import re
import shutil
import subprocess
import sys

import api
import errors
import flags
import page_text
import metrics
import values

# Where files that are not in docs/ have their page.
ELSEWHERE = {"client/README.md": "cpp.md", "client/python/README.md": "python.md",
             "CHANGELOG.md": "changelog.md", "RELIABILITY.md": "reliability.md",
             "README.md": "index.md", "docs": "index.md", "docs/adr": "adr/index.md", "proto/attune/v1": "reference/api.md"}
LANGUAGES = {".h": "cpp", ".cc": "cpp", ".py": "python", ".sh": "bash", ".yaml": "yaml", ".json": "json", ".go": "go",
             ".proto": "protobuf"}


class Site:
    def __init__(self, root, build, out):
        self.root, self.build, self.pages = root, build, out / "pages"
        self.out, self.shown = out, {}

    def address(self, path):
        """The page of a path of the repository."""
        if path in ELSEWHERE:
            return ELSEWHERE[path]
        if path.startswith("docs/"):
            return path.removeprefix("docs/")
        self.shown[path] = f"source/{path}.md"
        return self.shown[path]

    def moved(self, text, path):
        """The text of a repository's page, its links as they are in the site."""
        here = self.address(path)
        def target(link):
            bare, _, anchor = link.partition("#")
            if not bare or re.match(r"[a-z]+:", bare):
                return link
            there = self.address(posixpath.normpath(posixpath.join(posixpath.dirname(path), bare)))
            return posixpath.relpath(there, posixpath.dirname(here) or ".") + (f"#{anchor}" if anchor else "")
        parts, end = [], 0
        for start, link in page_text.links(text):
            parts += [text[end:start], target(link)]
            end = start + len(link)
        return "".join(parts) + text[end:]

    def write(self, page, text):
        path = self.pages / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def copy(self):
        for path in sorted((self.root / "docs").rglob("*.md")):
            name = path.relative_to(self.root).as_posix()
            self.write(self.address(name), self.moved(path.read_text(), name))
        for name in ("client/README.md", "client/python/README.md", "CHANGELOG.md", "RELIABILITY.md"):
            self.write(self.address(name), self.moved((self.root / name).read_text(), name))

    def generate(self, googleapis):
        self.write("reference/api.md", api.page(self.root, googleapis))
        self.write("reference/flags.md", flags.page(self.build))
        self.write("reference/metrics.md", metrics.page(self.root))
        self.write("reference/values.md", values.page(self.root))
        self.write("reference/errors.md", errors.page(self.root))
        self.write("adr/index.md", decisions(self.root))

    def show(self):
        for path, page in sorted(self.shown.items()):
            self.write(page, shown(self.root / path, path))

    def mkdocs(self, strict):
        # Not --quiet: with it, --strict does not see warnings.
        words = [sys.executable, "-m", "mkdocs", "build", "--config-file", self.root / "docs/mkdocs.yml",
                 "--site-dir", self.out / "site", *(["--strict"] if strict else [])]
        environment = {**os.environ, "ATTUNE_DOCS_PAGES": str(self.pages), "NO_MKDOCS_2_WARNING": "1"}
        done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True)
        told = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
        print("\n".join(told), file=sys.stderr, end="\n" if told else "")
        return done.returncode


def decisions(root):
    rows = []
    for path in sorted((root / "docs/adr").glob("*.md")):
        title = path.read_text().splitlines()[0].removeprefix("# ")
        rows.append((path.name[:10], f"[{title}]({path.name})"))
    return ("# Decisions\n\nWhat was decided, why, and what follows from it.\n\n" +
            page_text.table(("date", "decision"), rows))


def shown(path, name):
    if path.is_dir():
        listed = "\n".join(f"* `{entry.name}`" for entry in sorted(path.iterdir()))
        return f"# {name}\n\n{listed}\n"
    fence = "````" if path.suffix == ".md" else "```"
    return f"# {name}\n\n{fence}{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text().rstrip()}\n{fence}\n"


def build(root, build_dir, out, strict, googleapis):
    shutil.rmtree(out, ignore_errors=True)
    site = Site(root, build_dir, out)
    site.copy()
    site.generate(googleapis)
    site.show()
    return site.mkdocs(strict)


def main(argv):
    strict = "--strict" in argv
    places = [word for word in argv[1:] if word != "--strict"]
    if len(places) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    root, build_dir, out = (pathlib.Path(place).resolve() for place in places)
    cache = pathlib.Path(os.environ.get("ATTUNE_CACHE", pathlib.Path.home() / ".cache/attune"))
    return build(root, build_dir, out, strict, cache / "googleapis")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
