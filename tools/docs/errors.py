# SPDX-License-Identifier: Apache-2.0
"""The reasons of errors: what to do (docs/server.md), checked against the server's sources, and who returns them (protos)."""
import re

from page_text import cell, table

# Reasons that are not given with WithReason(): of the field's path, and in an authorizer's message.
BUILT_IN = {"INVALID_FIELD", "ROLE_MISSING", "METHOD_NOT_IN_ROLE_TABLE"}
ROW = re.compile(r"^\| (?P<reasons>`[A-Z].*?) \| (?P<code>.*?) \| (?P<do>.*?) \|$", re.M)


def in_sources(root):
    found = set(BUILT_IN)
    for path in sorted((root / "server").glob("*.cc")):
        # A semicolon in a message does not end a statement.
        source = re.sub(r'"[^"\n]*;[^"\n]*"', '""', path.read_text())
        for statement in source.split(";"):
            if re.search(r"\b(WithReason|Refused)\(", statement):
                found |= set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', statement))
    return found


def in_docs(root):
    """{reason: (code, what to do)} of the table in docs/server.md."""
    section = re.search(r"^## Errors\n(.*?)^## ", (root / "docs/server.md").read_text(), re.S | re.M).group(1)
    rows = {}
    for match in ROW.finditer(section):
        for reason in re.findall(r"`([A-Z_]+)`", match.group("reasons")):
            rows[reason] = (match.group("code"), match.group("do"))
    return rows


def callers(root, reason):
    """Methods whose comment in the protos names the reason."""
    for path in sorted((root / "proto/attune/v1").glob("*_service.proto")):
        text = path.read_text()
        service = re.search(r"^service (\w+)", text, re.M).group(1)
        for comment, method in re.findall(r"((?:^ +//.*\n)+) +rpc (\w+)", text, re.M):
            if re.search(rf"\b{reason}\b", comment):
                yield f"{service}.{method}"


def problems(root):
    sources, docs = in_sources(root), set(in_docs(root))
    return [f"{reason}: in server/ but not in docs/server.md, Errors" for reason in sorted(sources - docs)] + \
           [f"{reason}: in docs/server.md, Errors, but not in server/" for reason in sorted(docs - sources)]


def page(root):
    rows = []
    for reason, (code, do) in sorted(in_docs(root).items()):
        named = ", ".join(f"[{name}](api.md#{name})" for name in callers(root, reason))
        rows.append((f"`{reason}`", code, cell(do), named or " "))
    return ("# Errors\n\nEvery error has a canonical code and a `google.rpc.ErrorInfo` with domain `attune` and one of these "
            "reasons; how they are made is in [attune_server](../server.md#errors). The last column has the methods whose "
            "description names the reason.\n\n" + table(("reason", "code", "do", "named by"), rows))
