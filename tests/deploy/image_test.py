#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/image.sh built: what is in the images and said of them, and the real programs in them at work.

usage: image_test.py BUILD_DIR server [trainer]

Needs root. Containers are read-only, of the image's user, without capabilities, and on loopback.
"""
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest

from chart import ROOT
from real_run import wait_for

BUILD = pathlib.Path(sys.argv[1])
PROGRAMS = sys.argv[2:]
MEGABYTE = 1_000_000
# What was asked for: small enough to be pulled in seconds.
SERVER_LIMIT = 120 * MEGABYTE
UID = 10001
VERSION = re.search(r"^project\(attune VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE).group(1)
LICENCE = re.compile(r"NOASSERTION|(\(?(LicenseRef-)?[A-Za-z0-9.-]+\)?( (AND|OR) )?)+")


@functools.cache
def image(program):
    """(configuration, {path: tar entry}) of an archive; later layers win."""
    with tarfile.open(BUILD / f"image/attune-{program}.tar.gz") as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json"))
        files = {}
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as tar:
                for entry in tar:
                    files[entry.name.removeprefix("./").rstrip("/")] = entry
        return json.load(archive.extractfile(manifest["Config"])), files


def run(program, volume, *command):
    return [str(ROOT / "scripts/image.sh"), "run", program, str(volume), *map(str, command)]


def output_of(program, volume, *command):
    """Runs a command to its end; through files, since buildah at times loses the last lines of what ends."""
    (inside,) = image(program)[0]["config"]["Volumes"]
    ran = subprocess.run(run(program, volume, "sh", "-c", 'cd "$0" && exec "$@" >stdout 2>stderr', inside, *command),
                         capture_output=True, text=True, check=False, timeout=600)
    assert (volume / "stdout").exists(), ran.stderr
    return subprocess.CompletedProcess(command, ran.returncode, *((volume / name).read_text() for name in ("stdout", "stderr")))


def descendants(pid):
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from descendants(child)


class Volume(unittest.TestCase):
    """A directory that the images' user may write to."""

    def setUp(self):
        self.volume = pathlib.Path(tempfile.mkdtemp(prefix="attune-image-"))
        self.addCleanup(shutil.rmtree, self.volume)
        os.chown(self.volume, UID, UID)


class EveryImage(Volume):
    def each(self):
        return [(program, *image(program)) for program in PROGRAMS]

    def test_it_runs_as_a_number_that_is_not_root(self):
        for program, config, _ in self.each():
            with self.subTest(program):
                self.assertEqual(config["config"]["User"], f"{UID}:{UID}")
                seen = output_of(program, self.volume, "sh", "-c", "id -u; id -g; grep CapEff /proc/self/status; touch /x /tmp/x")
                self.assertEqual(seen.stdout.split(), [str(UID), str(UID), "CapEff:", "0" * 16], seen.stderr)
                self.assertEqual(seen.stderr.count("Read-only file system"), 2, seen.stderr)

    def test_it_says_what_it_is(self):
        for program, config, _ in self.each():
            with self.subTest(program):
                labels = {k.removeprefix("org.opencontainers.image."): v for k, v in config["config"]["Labels"].items()}
                self.assertEqual((labels["title"], labels["version"], labels["licenses"]), (f"attune-{program}", VERSION, "Apache-2.0"))
                self.assertRegex(labels["revision"], r"^([0-9a-f]{40}|unknown)$")
                self.assertRegex(labels["created"], r"^(\d{4}-\d\d-\d\dT.*|unknown)$")
                self.assertIn("description", labels)

    def test_nothing_of_the_build_is_left(self):
        for program, _, files in self.each():
            with self.subTest(program):
                self.assertFalse([n for n in files if re.match(r"(src|setup|build|out|ccache|mnt|media|srv)/.|root/\.cache", n)])
                self.assertFalse([n for n in files if re.fullmatch(r"usr/bin/(g\+\+|cmake|ninja|git|curl|python3)|etc/apt/apt\.conf|etc/apt/sources\.list\.d/.+", n)])
                self.assertFalse([n for n, f in files.items() if f.mode & 0o6000 and f.isfile() and n.startswith("usr/bin/attune")])
                self.assertFalse([n for n, f in files.items() if f.uid == UID and f.isfile()], "the user could change it")

    def test_programs_are_stripped_and_whole(self):
        for program, config, _ in self.each():
            with self.subTest(program):
                binary = config["config"]["Entrypoint"][0]
                seen = output_of(program, self.volume, "sh", "-c", f"ldd /usr/bin/{binary}; {binary} --version")
                self.assertNotIn("not found", seen.stdout)
                self.assertEqual("torch" in seen.stdout, program == "trainer")
                self.assertIn(VERSION, seen.stdout)

    def test_the_sbom_names_every_package(self):
        for program, _, _ in self.each():
            with self.subTest(program):
                text = output_of(program, self.volume, "sh", "-c", f"cat /usr/share/sbom/attune-{program}.spdx.json").stdout
                self.assertEqual(text, (BUILD / f"image/attune-{program}.spdx.json").read_text())
                installed = output_of(program, self.volume, "dpkg-query", "-W", "-f",
                                      r"${Package}\t${Version}\t${source:Package}\t${source:Version}\n").stdout
                self.check_sbom(json.loads(text), program, [line.split("\t") for line in installed.splitlines()])

    def check_sbom(self, sbom, program, installed):
        self.assertEqual((sbom["spdxVersion"], sbom["dataLicense"], sbom["SPDXID"]), ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"))
        self.assertRegex(sbom["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertTrue(sbom["documentNamespace"])
        packages = {p["SPDXID"]: p for p in sbom["packages"]}
        self.assertEqual(len(packages), len(sbom["packages"]), "an SPDXID is there twice")
        references = {r["licenseId"] for r in sbom["hasExtractedLicensingInfos"]}
        for spdx_id, package in packages.items():
            self.assertRegex(spdx_id, r"^SPDXRef-[A-Za-z0-9.-]+$")
            self.assertRegex(package["licenseDeclared"], LICENCE)
            self.assertLessEqual(set(re.findall(r"LicenseRef-[A-Za-z0-9.-]+", package["licenseDeclared"])), references)
            self.assertLessEqual({"name", "versionInfo", "downloadLocation", "licenseConcluded", "copyrightText"}, set(package))
        edges = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in sbom["relationships"]]
        self.assertLessEqual({end for a, _, b in edges for end in (a, b)}, set(packages) | {"SPDXRef-DOCUMENT"})
        (top,) = [b for a, kind, b in edges if (a, kind) == ("SPDXRef-DOCUMENT", "DESCRIBES")]
        self.assertEqual((packages[top]["name"], packages[top]["versionInfo"]), (f"attune-{program}", VERSION))
        contained = {b for a, kind, b in edges if (a, kind) == (top, "CONTAINS")}
        sources = {a: packages[b] for a, kind, b in edges if kind == "GENERATED_FROM"}
        said = {(packages[i]["name"], packages[i]["versionInfo"], sources[i]["name"], sources[i]["versionInfo"]) for i in contained}
        self.assertEqual(said, set(map(tuple, installed)))
        known = [i for i in contained if packages[i]["licenseDeclared"] != "NOASSERTION"]
        self.assertGreater(len(known), 0.6 * len(contained))
        print(f"{program}: {len(contained)} packages of {len({s['SPDXID'] for s in sources.values()})} sources, "
              f"{len(known)} with licences", file=sys.stderr)


class ServerImage(Volume):
    def setUp(self):
        if "server" not in PROGRAMS:
            self.skipTest("the server's image was not built")
        super().setUp()

    def test_it_is_small(self):
        size = (BUILD / "image/attune-server.tar.gz").stat().st_size
        print(f"server: {size / MEGABYTE:.1f} MB compressed", file=sys.stderr)
        self.assertLess(size, SERVER_LIMIT)

    def test_it_has_no_libtorch(self):
        _, files = image("server")
        self.assertFalse([name for name in files if re.search(r"torch|openblas|llama", name)])

    def test_an_engine_knows_how_to_run_it(self):
        config = image("server")[0]["config"]
        self.assertEqual(config["Entrypoint"], ["attune_server"])
        self.assertEqual(set(config["ExposedPorts"]), {"50051/tcp", "50052/tcp", "9464/tcp"})
        self.assertEqual(set(config["Volumes"]), {"/var/lib/attune"})
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "attune", "health"])

    def start(self, *flags):
        log = open(self.volume.with_suffix(".log"), "w+")
        self.addCleanup(pathlib.Path(log.name).unlink, missing_ok=True)
        self.addCleanup(log.close)
        listen = [f"--{name}_listen=127.0.0.1:0" for name in ("data", "control", "metrics")]
        process = subprocess.Popen(run("server", self.volume, "attune_server", *listen, "--port_file", "/var/lib/attune/ports.json", *flags),
                                   stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.addCleanup(self.stop, process)
        ports = self.volume / "ports.json"
        wait_for("the server does not start", lambda: ports.exists() or process.poll() is not None)
        self.assertTrue(ports.exists(), pathlib.Path(log.name).read_text())
        return process, {name: f"127.0.0.1:{port}" for name, port in json.loads(ports.read_text()).items()}

    def server_pid(self, process):
        (pid,) = [p for p in descendants(process.pid) if os.readlink(f"/proc/{p}/exe").endswith("/usr/bin/attune_server")]
        return pid

    def stop(self, process):
        """As an engine does: SIGTERM to the program. Its exit code."""
        if process.poll() is not None:
            return process.returncode
        everyone = list(descendants(process.pid))
        try:
            os.kill(self.server_pid(process), signal.SIGTERM)
            return process.wait(60)
        finally:
            for pid in everyone if process.poll() is None else []:
                os.kill(pid, signal.SIGKILL)

    def attune(self, *arguments):
        return output_of("server", self.volume, "attune", *arguments)

    def test_it_serves_prompts_is_healthy_and_stops(self):
        process, ports = self.start()
        status = pathlib.Path(f"/proc/{self.server_pid(process)}/status").read_text()
        self.assertRegex(status, rf"Uid:\s+{UID}\s+{UID}")
        self.assertRegex(status, r"CapBnd:\s+0{16}")
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        healthy = self.attune("health", "--server", ports["data_port"])
        self.assertEqual((healthy.returncode, healthy.stdout), (0, "SERVING\n"), healthy.stderr)
        ask = ["prompt", "--server", ports["data_port"], "--json", "--history", "1=Toy Story (1995)", "--candidate", "50=Star Wars (1977)",
               "--candidate", "2=GoldenEye (1995)"]
        # From outside, with this build's command, and from inside.
        outside = subprocess.run([BUILD / "client/attune", *ask], capture_output=True, text=True, check=False)
        self.assertEqual(outside.returncode, 0, outside.stderr)
        answer = json.loads(outside.stdout)
        self.assertEqual(json.loads(self.attune(*ask).stdout)["revision"], answer["revision"])
        sent = self.attune("feedback", "--server", ports["data_port"], "--token", answer["decision_token"], "--reward", "1")
        self.assertEqual(sent.returncode, 0, sent.stderr)
        self.assertTrue((self.volume / "log/decisions.db").exists())
        self.assertEqual(self.stop(process), 0)
        gone = self.attune("health", "--server", ports["data_port"])
        self.assertEqual(gone.returncode, 1)
        self.assertIn("UNAVAILABLE", gone.stderr)
        # What it knew is on the volume.
        (self.volume / "ports.json").unlink()
        _, ports = self.start()
        again = self.attune("export-log", "--control", ports["control_port"], "/var/lib/attune/week.attlog")
        self.assertRegex(again.stdout, r"\b[12]\b.* decisions", again.stderr)

    def test_what_it_may_not_write_to_is_named(self):
        (self.volume / "log").mkdir()
        done = output_of("server", self.volume, "attune_server")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/var/lib/attune/log", done.stdout + done.stderr)


class TrainerImage(Volume):
    def setUp(self):
        if "trainer" not in PROGRAMS:
            self.skipTest("ATTUNE_IMAGE_TRAINER=1 builds and tests the trainer's image")
        super().setUp()

    def test_it_trains(self):
        print(f"trainer: {(BUILD / 'image/attune-trainer.tar.gz').stat().st_size / MEGABYTE:.1f} MB compressed", file=sys.stderr)
        self.assertIn("train", output_of("trainer", self.volume, "attune_trainer", "--help").stdout)
        done = output_of("trainer", self.volume, "attune_trainer", "train", "--backend=sim", "--budget=64",
                         "--catalog=/usr/share/attune/catalogs/movies.yaml", "--out=/work/run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater((self.volume / "run/revision.attune").stat().st_size, 100_000)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
