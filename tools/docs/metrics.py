# SPDX-License-Identifier: Apache-2.0
"""The metrics, from the server's table of them."""
import re

from page_text import cell, table

TABLE = "server/metric_table.h"
TOKEN = re.compile(r'//(?P<comment>[^\n]*)|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<mark>[{},])|(?P<word>\w+)')


def rows(root):
    """(section, name, type, unit, labels, help) of every row, in order."""
    source = (root / TABLE).read_text()
    body = re.search(r"kMetrics\[\] = \{\n(.*?)\n\};", source, re.S).group(1)
    section, fields, found = "", None, []
    for token in TOKEN.finditer(body):
        kind, value = token.lastgroup, token.group(token.lastgroup)
        if kind == "comment":
            section = value.strip()
        elif kind == "mark":
            if value == "{":
                fields = [""]
            elif value == "}":
                found.append((section, *fields))
                fields = None
            elif fields is not None:
                fields.append("")
        else:
            fields[-1] += re.sub(r"\\(.)", r"\1", value)
    assert found and all(len(row) == 6 for row in found), f"{TABLE} cannot be read"
    return found


def names(root):
    return {row[1] for row in rows(root)}


def page(root):
    sections = {}
    for section, name, kind, unit, labels, text in rows(root):
        labels = ", ".join(f"`{label}`" for label in labels.split(",") if label)
        sections.setdefault(section, []).append(
            (f"`{name}`", kind.removeprefix("k").lower(), unit, labels or " ", cell(text)))
    parts = ["# Metrics\n\nWhat `attune_server` exposes at `GET /metrics`. A counter's and a gauge's value is in the unit. "
             "Alerts on them: [runbooks](../runbooks.md); beside them are the `exposer_*` series of prometheus-cpp, about the "
             "scrapes.\n"]
    for section, found in sections.items():
        parts.append(f"## {section}\n\n" + table(("metric", "type", "unit", "labels", "what"), found))
    return "\n".join(parts)
