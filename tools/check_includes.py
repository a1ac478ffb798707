#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that folders include only what the arrows of docs/architecture.md allow.

usage: check_includes.py [--self-test] ROOT

Prints one line per wrong include ("file:line: ...") and exits 1 if there is one.
"""
import pathlib
import re
import sys
import tempfile

# folder -> folders of ours it may include (beside itself)
ARROWS = {
    "policy": {"attune"},
    "client": {"policy", "attune"},
    "redis": {"policy"},
    "tracing": {"policy"},
    "server": {"policy", "redis", "tracing", "attune"},
    "trainer": {"policy", "client", "redis", "tracing", "attune"},
    "tests": {"policy", "client", "redis", "tracing", "server", "trainer", "attune"},
    "bench": {"policy", "client", "redis", "tracing", "server", "trainer", "tests", "attune"},
}
FOLDERS = set(ARROWS)
# folder -> prefixes of foreign headers it must not include
FORBIDDEN = {
    "policy": ("grpc", "torch/", "ATen/", "curl/", "prometheus/", "sqlite3", "llama"),
    "client": ("torch/", "ATen/", "curl/", "prometheus/", "sqlite3", "llama", "hiredis"),
    "redis": ("grpc", "torch/", "ATen/", "curl/", "prometheus/", "sqlite3", "llama"),
    "tracing": ("grpc", "torch/", "ATen/", "prometheus/", "sqlite3", "llama", "hiredis"),
    "server": ("torch/", "ATen/", "curl/", "llama", "hiredis"),
    "trainer": ("hiredis",),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
SOURCES = {".h", ".cc", ".cpp"}


def violations_of(folder, include):
    """Returns why `folder` may not include `include`, or None."""
    top = include.split("/")[0]
    if top in FOLDERS and top != folder and top not in ARROWS[folder]:
        return f"{folder}/ must not include {top}/"
    if folder == "policy" and include.endswith(".grpc.pb.h"):
        return "policy/ must not include gRPC stubs"
    for prefix in FORBIDDEN.get(folder, ()):
        if include.startswith(prefix):
            return f"{folder}/ must not include <{prefix}...>"
    return None


def check(root):
    """Returns (files checked, problems) of the tree under `root`."""
    problems, files = [], 0
    for folder in sorted(FOLDERS):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in SOURCES:
                continue
            files += 1
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                reason = match and violations_of(folder, match.group(1))
                if reason:
                    problems.append(f"{path.relative_to(root)}:{number}: {reason}")
    return files, problems


def self_test():
    """The check must fail on a wrong arrow and pass on a right one."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "policy").mkdir()
        (root / "server").mkdir()
        (root / "server/a.h").write_text('#include "policy/choice.h"\n')
        assert check(root)[1] == []
        (root / "policy/b.cc").write_text('#include "server/a.h"\n#include <torch/torch.h>\n')
        assert len(check(root)[1]) == 2, check(root)


def main(argv):
    if "--self-test" in argv:
        self_test()
        argv.remove("--self-test")
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    files, problems = check(pathlib.Path(argv[1]))
    print("\n".join(problems) or f"{files} files follow the arrows")
    return 1 if problems or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
