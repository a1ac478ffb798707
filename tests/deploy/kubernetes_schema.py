# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' own schemas, strict: an unknown field is an error."""
import functools
import json

import jsonschema

from chart import CACHE

# Of operators; Kubernetes does not know them.
CUSTOM = {"Certificate", "PrometheusRule", "ServiceMonitor"}


@functools.lru_cache(maxsize=None)
def _definitions(version):
    return json.loads((CACHE / "kubernetes-schemas" / version / "_definitions.json").read_text())


class _Local(jsonschema.RefResolver):
    """All that is referred to is in one file; nothing is fetched."""

    def __init__(self, schema, definitions):
        super().__init__("", schema)
        self._definitions = definitions

    def resolve_remote(self, uri):
        if not uri.endswith("/_definitions.json"):
            raise jsonschema.RefResolutionError(uri)
        return self._definitions


@functools.lru_cache(maxsize=None)
def _validator(version, api_version, kind):
    group, _, number = api_version.rpartition("/")
    stem = "-".join([kind] + ([group.split(".")[0]] if group else []) + [number]).lower()
    schema = json.loads((CACHE / "kubernetes-schemas" / version / f"{stem}.json").read_text())
    return jsonschema.Draft7Validator(schema, resolver=_Local(schema, _definitions(version)))


def problems(entry, version):
    """What is wrong with an object, as lines."""
    validator = _validator(version, entry["apiVersion"], entry["kind"])
    where = f'{entry["kind"]} {entry["metadata"]["name"]}'
    return [f'{where}: {"/".join(map(str, error.path))}: {error.message[:200]}' for error in validator.iter_errors(entry)]
