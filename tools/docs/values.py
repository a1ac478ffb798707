# SPDX-License-Identifier: Apache-2.0
"""The Helm chart's values, from values.yaml, its comments and values.schema.json."""
import json
import re

import yaml

from page_text import cell, table

CHART = "deploy/helm/attune"


def comment_above(lines, row):
    """The `# --` comment that ends right above the row."""
    found = []
    while row > 0 and lines[row - 1].strip().startswith("#"):
        row -= 1
        found.insert(0, lines[row].strip().lstrip("#").strip())
    begin = [i for i, line in enumerate(found) if line.startswith("-- ")]
    return " ".join(found[begin[-1]:])[3:] if begin else " ".join(found)


def leaves(lines, node, path=()):
    """(path, comment, node) of every value; a mapping with values of its own comes before them, if it has a comment."""
    for key, value in node.value:
        here = (*path, key.value)
        comment = comment_above(lines, key.start_mark.line)
        nested = isinstance(value, yaml.MappingNode) and value.value and not value.flow_style
        if comment or not nested:
            yield here, comment, None if nested else value
        if nested:
            yield from leaves(lines, value, here)


def schema_of(schema, path):
    node = schema
    for key in path:
        node = resolve(schema, node).get("properties", {}).get(key, {})
    return resolve(schema, node)


def resolve(schema, node):
    while "$ref" in node:
        node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]]
    return node


def type_text(node):
    if "enum" in node:
        return " or ".join(f"`{value}`" if value != "" else "empty" for value in node["enum"])
    kind = node.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else kind


def default_text(value):
    text = json.dumps(yaml.safe_load(yaml.serialize(value)))
    return f"`{text}`" if len(text) <= 80 else "see values.yaml"


def page(root):
    source = (root / CHART / "values.yaml").read_text()
    schema = json.loads((root / CHART / "values.schema.json").read_text())
    rows = []
    for path, comment, value in leaves(source.splitlines(), yaml.compose(source)):
        text = cell(re.sub(r"\b(docs/(\w+)\.md)\b", r"[\1](../\2.md)", comment))
        rows.append((f"`{'.'.join(path)}`", cell(type_text(schema_of(schema, path))),
                     cell(default_text(value)) if value is not None else " ", text))
    return ("# Helm values\n\nOf the chart `deploy/helm/attune`; [Kubernetes](../kubernetes.md) explains. What is not here "
            "is refused.\n\n" + table(("value", "type", "default", "what"), rows))
