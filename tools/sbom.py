#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the SBOM (SPDX 2.3, JSON) of a Debian root file system, from dpkg's files.

usage: sbom.py --root DIR --name NAME --version VERSION --out FILE
               [--compiled-in PACKAGE,...] [--vendored NAME=VERSION=LICENCE]...

Every installed package, its source package, and the licences that its copyright file
declares, where that file is one that programs can read (DEP-5); else NOASSERTION.
--compiled-in names packages of this machine (headers, scripts) that are inside our
programs; --vendored what is in them and is no package. SOURCE_DATE_EPOCH is the
document's time, if it is set. The same root gives the same file.
"""
import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import urllib.parse
import uuid

# Debian's short names that are not SPDX's, lower case.
SPDX_NAMES = {
    "expat": "MIT", "mit": "MIT", "apache-2": "Apache-2.0", "apache-2.0": "Apache-2.0", "asl-2": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsd-4-clause": "BSD-4-Clause",
    "zlib": "Zlib", "isc": "ISC", "artistic": "Artistic-1.0-Perl", "artistic-2": "Artistic-2.0",
    "boost-1.0": "BSL-1.0", "bsl-1.0": "BSL-1.0", "openssl": "OpenSSL", "cc0": "CC0-1.0", "cc0-1.0": "CC0-1.0",
    "psf-2": "PSF-2.0", "curl": "curl", "unicode": "Unicode-DFS-2016", "mpl-1.1": "MPL-1.1", "mpl-2": "MPL-2.0", "mpl-2.0": "MPL-2.0",
    "0bsd": "0BSD", "bzip2": "bzip2-1.0.6", "libpng": "Libpng", "x11": "X11", "fsfap": "FSFAP", "fsful": "FSFUL",
    "fsfullr": "FSFULLR", "sleepycat": "Sleepycat", "beerware": "Beerware", "ncsa": "NCSA", "tcl": "TCL",
}
GNU = re.compile(r"(?P<family>a?gpl|lgpl|gfdl)-?v?(?P<number>\d(\.\d)?)(?P<later>\+|-or-later|-only)?", re.IGNORECASE)
ALL_OF = re.compile(r",|\s+(?:and/or|and|with)\b")
ONE_OF = re.compile(r"\s+or\b")
FIELD = re.compile(r"([A-Za-z0-9-]+):[ \t]*(.*)")


def stanzas(text):
    """The paragraphs of a control file, each as {field: value}; lines of a value keep their breaks."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields, last = {}, None
        for line in paragraph.splitlines():
            match = FIELD.match(line)
            if match:
                last = match.group(1).lower()
                fields[last] = match.group(2).strip()
            elif last and line[:1] in " \t":
                fields[last] += "\n" + line.strip()
        if fields:
            yield fields


def installed(root):
    """{name: fields} of the packages that are installed below `root`."""
    text = (root / "var/lib/dpkg/status").read_text(errors="replace")
    found = {}
    for fields in stanzas(text):
        if fields.get("status", "").endswith(" installed") and "package" in fields:
            found[fields["package"]] = fields
    if not found:
        raise SystemExit(f"sbom: {root}/var/lib/dpkg/status names no installed package")
    return found


def source_of(package):
    """Name and version of the source package: "Source: glibc (2.36-9)", or the package's own."""
    match = re.fullmatch(r"(\S+)(?:\s+\((\S+)\))?", package.get("source", "")) or re.match(r"()()", "")
    return match.group(1) or package["package"], match.group(2) or package["version"]


def spdx_licence(name):
    """One short name as an SPDX identifier or a LicenseRef."""
    plain = SPDX_NAMES.get(name.lower())
    if plain:
        return plain
    gnu = GNU.fullmatch(name)
    if gnu:
        number = gnu["number"] if "." in gnu["number"] else gnu["number"] + ".0"
        family = gnu["family"].upper()
        known = {"GPL": "1.0 2.0 3.0", "LGPL": "2.0 2.1 3.0", "AGPL": "1.0 3.0", "GFDL": ""}[family].split()
        if family == "GFDL":
            number, known = (gnu["number"] + ".0")[:3], ["1.1", "1.2", "1.3"]
        if number in known:
            return f"{family}-{number}-{'or-later' if gnu['later'] in ('+', '-or-later') else 'only'}"
    return "LicenseRef-debian-" + (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "unnamed")


def declared_licences(root, name):
    """What a package's copyright file declares: a list, sorted, of alternatives (a list of short names) that all hold. None if
    no program can read it."""
    path = root / "usr/share/doc" / name / "copyright"
    # A directory of documentation may be a link to that of a sibling.
    if path.parent.is_symlink():
        path = root / "usr/share/doc" / pathlib.Path(os.readlink(path.parent)).name / "copyright"
    try:
        paragraphs = list(stanzas(path.read_text(errors="replace")))
    except OSError:
        return None
    if not paragraphs or "copyright-format" not in paragraphs[0].get("format", ""):
        return None
    found = set()
    for fields in paragraphs:
        # A paragraph without files is only the text of a licence that others name.
        if "files" not in fields and fields is not paragraphs[0]:
            continue
        first = fields.get("license", "").split("\n", 1)[0]
        # "GPL-2+ with OpenSSL exception" is the licence that it names; an exception only gives more rights.
        first = re.sub(r"\s+with\s+.*?exceptions?", "", first, flags=re.IGNORECASE)
        for part in ALL_OF.split(first):
            found.add(tuple(sorted(filter(None, map(str.strip, ONE_OF.split(" " + part))))))
    return sorted(found - {()}) or None


def identifier(*parts):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", "-".join(parts).replace("+", "-plus-"))


def purl(name, version, arch):
    quote = lambda text: urllib.parse.quote(text, safe="")
    return f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={arch}"


def package_entry(spdx_id, name, version, **more):
    return {"SPDXID": spdx_id, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION", **more}


def debian_reference(name, version, arch):
    return [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl(name, version, arch)}]


class Document:
    """Collects packages and relationships; not thread-safe."""

    def __init__(self, name, version):
        self.name, self.version = name, version
        self.packages, self.relationships, self.references = {}, [], {}
        self.image = identifier("Image", name)
        self.packages[self.image] = package_entry(
            self.image, name, version, licenseDeclared="Apache-2.0", primaryPackagePurpose="CONTAINER",
            supplier="Organization: The Attune Authors")
        self.relate("SPDXRef-DOCUMENT", "DESCRIBES", self.image)

    def relate(self, subject, kind, other):
        self.relationships.append({"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": other})

    def expression(self, licences):
        if licences is None:
            return "NOASSERTION"
        parts = set()
        for alternatives in licences:
            self.references.update((spdx_licence(name), name) for name in alternatives
                                   if spdx_licence(name).startswith("LicenseRef-"))
            names = sorted({spdx_licence(name) for name in alternatives})
            parts.add(names[0] if len(names) == 1 else f"({' OR '.join(names)})")
        return " AND ".join(sorted(parts))

    def add_debian(self, root, fields, relationship):
        name, version, arch = fields["package"], fields["version"], fields["architecture"]
        source, source_version = source_of(fields)
        spdx_id = identifier("Package", name, version)
        supplier = re.sub(r"\s*<", " (", fields["maintainer"]).replace(">", ")") if "maintainer" in fields else "Debian"
        self.packages[spdx_id] = package_entry(
            spdx_id, name, version, licenseDeclared=self.expression(declared_licences(root, name)),
            supplier=f"Organization: {supplier}", sourceInfo=f"built from source package {source} {source_version}",
            externalRefs=debian_reference(name, version, arch))
        if fields.get("homepage"):
            self.packages[spdx_id]["homepage"] = fields["homepage"]
        self.relate(self.image, relationship, spdx_id)
        source_id = identifier("Source", source, source_version)
        self.packages.setdefault(source_id, package_entry(
            source_id, source, source_version, primaryPackagePurpose="SOURCE",
            externalRefs=debian_reference(source, source_version, "source")))
        self.relate(spdx_id, "GENERATED_FROM", source_id)

    def add_vendored(self, name, version, licence):
        spdx_id = identifier("Vendored", name, version)
        self.packages[spdx_id] = package_entry(spdx_id, name, version, licenseDeclared=licence)
        self.relate(self.image, "STATIC_LINK", spdx_id)

    def to_json(self, created):
        packages = [self.packages[key] for key in sorted(self.packages)]
        digest = hashlib.sha256(json.dumps([packages, self.relationships], sort_keys=True).encode()).hexdigest()
        return {
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"{self.name}-{self.version}", "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
            "creationInfo": {"created": created, "creators": ["Tool: attune-sbom"]},
            "packages": packages, "relationships": self.relationships,
            "hasExtractedLicensingInfos": [
                {"licenseId": key, "name": name, "extractedText": f"{name}: see /usr/share/doc/*/copyright in the image"}
                for key, name in sorted(self.references.items())]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("root", "name", "version", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--compiled-in", default="")
    parser.add_argument("--vendored", action="append", default=[])
    flags = parser.parse_args()
    document = Document(flags.name, flags.version)
    root, here = pathlib.Path(flags.root), pathlib.Path("/")
    for _, fields in sorted(installed(root).items()):
        document.add_debian(root, fields, "CONTAINS")
    of_build = installed(here) if flags.compiled_in else {}
    for name in filter(None, flags.compiled_in.split(",")):
        if name not in of_build:
            raise SystemExit(f"sbom: --compiled-in {name}: not installed here")
        document.add_debian(here, of_build[name], "STATIC_LINK")
    for text in flags.vendored:
        document.add_vendored(*text.split("=", 2))
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.datetime.now(datetime.timezone.utc).timestamp())
    created = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = pathlib.Path(flags.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document.to_json(created), indent=1) + "\n")


if __name__ == "__main__":
    main()
