# SPDX-License-Identifier: Apache-2.0
"""Makes attune.v1 from the protos: at build time, so that none of it is in git.

The protos are those of the tree (../../proto) or, in a source distribution, the
copies that it carries. google/rpc/status.proto is googleapis-common-protos's.
"""

import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = pathlib.Path("attune/v1")


def proto_root():
    """The directory that holds attune/v1/*.proto."""
    for root in (HERE / "proto", HERE.parent.parent / "proto"):
        if (root / PACKAGE).is_dir():
            return root
    raise SystemExit("attune: no protos: install from the source tree or from a source archive")


def generate(out):
    """Writes attune/v1/*_pb2.py and *_pb2.pyi below `out`."""
    import google.rpc
    import grpc_tools
    from grpc_tools import protoc

    root = proto_root()
    protos = sorted(path.relative_to(root).as_posix() for path in (root / PACKAGE).glob("*.proto"))
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    google_apis = pathlib.Path(next(iter(google.rpc.__path__))).parent.parent
    target = pathlib.Path(out)
    (target / PACKAGE).mkdir(parents=True, exist_ok=True)
    code = protoc.main(
        [
            "protoc",
            f"-I{root}",
            f"-I{well_known}",
            f"-I{google_apis}",
            f"--python_out={target}",
            f"--pyi_out={target}",
            *protos,
        ]
    )
    if code != 0:
        raise SystemExit(f"attune: protoc failed with {code}")
    doc = '"""Messages of the API, generated from proto/attune/v1."""\n'
    (target / PACKAGE / "__init__.py").write_text(doc)


class BuildPy(build_py):
    """Adds the generated package."""

    def run(self):
        """Builds, then generates next to what was built."""
        super().run()
        generate(HERE / "src" if self.editable_mode else self.build_lib)


class Sdist(sdist):
    """Carries the protos, so that an archive can be built anywhere."""

    def make_release_tree(self, base_dir, files):
        """Copies the protos beside setup.py."""
        super().make_release_tree(base_dir, files)
        shutil.copytree(
            proto_root() / PACKAGE, pathlib.Path(base_dir) / "proto" / PACKAGE, dirs_exist_ok=True
        )


setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
