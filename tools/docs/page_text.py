# SPDX-License-Identifier: Apache-2.0
"""What the site and its tests need to know of Markdown: tables, blocks, links, anchors."""
import re

FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1[ ]*$", re.S | re.M)
LINK = re.compile(r"(?<!\\)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) +(.*?)(?: +\{#([\w.-]+)\})? *$", re.M)


def cell(text):
    """`text` as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;") or " "


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def without_code(text):
    """The text with code blocks and inline code blanked: same length, same lines."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    return re.sub(r"`[^`\n]+`", blank, FENCE.sub(blank, text))


def links(text):
    """(position, target) of every link that is not in code."""
    for match in LINK.finditer(without_code(text)):
        yield match.start("target"), match.group("target")


def slug(heading):
    """The anchor of a heading, as GitHub and the site form it."""
    plain = LINK.sub(r"\g<text>", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")


def anchors(text):
    """Every anchor of a page."""
    found, counts = set(), {}
    for match in HEADING.finditer(FENCE.sub("", text)):
        name = match.group(3) or slug(match.group(2))
        counts[name] = counts.get(name, -1) + 1
        found.add(name if counts[name] == 0 else f"{name}-{counts[name]}")
    return found
