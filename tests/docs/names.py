# SPDX-License-Identifier: Apache-2.0
"""What the pages name: commands with flags, metrics, files."""
import re
import subprocess

FENCED = re.compile(r"^(`{3,})[^\n]*\n(.*?)^\1$", re.S | re.M)
INLINE = re.compile(r"`([^`\n]+)`")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9_-]*")
METRIC = re.compile(r"\battune_[a-z0-9_]+\b")
OURS = re.compile(r"(?:^|[\s/|(])(attune_server|attune_trainer|attune)(?=\s)(?:\s+([a-z][a-z-]*))?([^|;&#\n]*)")

# Flags of programs that are not ours.
FOREIGN = {
    "cmake": {"--build", "--install", "--preset", "--prefix", "--component", "--target"},
    "kubectl, helm": {"--namespace", "--create-namespace", "--set", "--set-file", "--values", "--from-literal"},
    "protoc": {"--go_out", "--go_opt", "--go-grpc_out", "--go-grpc_opt"},
    "gtest": {"--gtest_filter"},
    "docker, podman, buildah": {"--build-arg", "--cap-drop", "--detach", "--env", "--format", "--name", "--publish", "--read-only", "--rm",
                                "--security-opt", "--tmpfs", "--volume", "--wait"},
    "pip, python": {"--no-build-isolation", "--no-deps"},
    "mypy": {"--strict"},
    "ld": {"--wrap"},
}
# Words like metrics that are none: programs, targets, files.
NOT_METRICS = re.compile(r"attune_(server|trainer|cli|revisions|build|core|policy|client|proto|testing|library|test)(_\w+)?")


def pages(root):
    named = ("README.md", "RELIABILITY.md", "CHANGELOG.md", "client/README.md", "client/python/README.md")
    return [*(root / name for name in named), *sorted((root / "docs").rglob("*.md"))]


def code(text):
    """Code of a page: blocks, with lines that go on joined, then inline code."""
    fenced = [match.group(2).replace("\\\n", " ") for match in FENCED.finditer(text)]
    return fenced, INLINE.findall(FENCED.sub("", text))


def script_flags(root):
    found = set()
    for path in [*root.glob("scripts/*.sh"), *root.glob("deploy/*.sh"), *root.glob("bench/*.cc"), *root.glob("scripts/*.py"),
                 *root.glob("bench/*.py"), *root.glob("deploy/grafana/*.py")]:
        found |= set(FLAG.findall(path.read_text()))
    return found


def wrong_flags(root, helps):
    """Flags in docs that no program has, and flags beside a command that is not theirs."""
    has = {name: set(FLAG.findall(text)) for name, text in helps.items()}
    known = set().union(*has.values(), *FOREIGN.values(), script_flags(root))
    for page in pages(root):
        # It speaks of flags that were.
        if page.name == "CHANGELOG.md":
            continue
        fenced, inline = code(page.read_text())
        name = page.relative_to(root)
        for flag in sorted(set(FLAG.findall("\n".join(fenced + inline))) - known):
            yield f"{name}: {flag} is no flag"
        for program, command, rest in OURS.findall("\n".join(fenced + inline)):
            both = f"{program} {command}" if f"{program} {command}" in has else program
            for flag in FLAG.findall(rest):
                if flag not in has[both] and f"{program} {command}" in has:
                    yield f"{name}: `{both}` has no {flag}"


def wrong_metrics(root, declared):
    files = [*pages(root), *root.glob("deploy/prometheus/*.yaml"), root / "deploy/grafana/attune.json",
             *root.glob("deploy/helm/attune/files/*")]
    for path in files:
        text = path.read_text()
        if path.suffix == ".md":
            text = "\n".join(sum(code(text), []))
        for name in sorted(set(METRIC.findall(text))):
            bare = re.sub(r"_(bucket|sum|count)$", "", name)
            if name not in declared and bare not in declared and not NOT_METRICS.fullmatch(name):
                yield f"{path.relative_to(root)}: {name} is no metric"


def tracked(root):
    """Every file of the repository, as git has it; else as the disk has it."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "*.md"], capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() if listed.returncode == 0 else []
    return [root / name for name in names if (root / name).exists()] or \
        [path for path in root.rglob("*.md") if "build" not in path.parts]
