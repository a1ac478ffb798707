# SPDX-License-Identifier: Apache-2.0
"""Runs the shell blocks of a page in their order, as one shell, and compares what they print.

A ```bash block is run. A ```text block right after it is a part of its output: its lines are among the printed ones, in this
order; "..." stands for anything. Other kinds of shell blocks are refused, so that nothing is left out by its name.
"""
import dataclasses
import os
import pathlib
import re
import signal
import subprocess

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
# After the block that starts a server, commands find it at the ports that it took.
FIND_SERVER = """
if [ -s ports.json ] && [ -z "${ATTUNE_SERVER:-}" ]; then
  export ATTUNE_SERVER=127.0.0.1:$(grep -o '"data_port": [0-9]*' ports.json | grep -o '[0-9]*$')
  export ATTUNE_CONTROL=127.0.0.1:$(grep -o '"control_port": [0-9]*' ports.json | grep -o '[0-9]*$')
  METRICS=127.0.0.1:$(grep -o '"metrics_port": [0-9]*' ports.json | grep -o '[0-9]*$')
fi
"""


@dataclasses.dataclass
class Block:
    line: int
    commands: str
    expected: list


def blocks(text):
    found, end = [], None
    for match in BLOCK.finditer(text):
        kind, body = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        assert "\n```" not in f"\n{body}", f"line {line}: a block that is not closed takes the next one in"
        if kind == "bash":
            found.append(Block(line, body, []))
        elif kind == "text":
            assert found and not text[end:match.start()].strip(), f"line {line}: output without commands right before it"
            found[-1].expected = [row for row in body.splitlines() if row.strip()]
        else:
            raise AssertionError(f"line {line}: a block of {kind or 'no kind'}, which would not be run")
        end = match.end()
    return found


def script(found, outputs):
    parts = ["set -euo pipefail"]
    for i, block in enumerate(found):
        # The page has the default port.
        commands = block.commands.replace("127.0.0.1:9464", "$METRICS")
        parts += [f"exec >{outputs}/{i} 2>&1", commands.rstrip("\n"), FIND_SERVER]
    return "\n".join(parts)


def missing(expected, printed):
    """The first expected line that is not there, after the ones before it."""
    rows = iter(printed.splitlines())
    for line in expected:
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("...")) + r"\s*")
        if not any(pattern.fullmatch(row.strip()) for row in rows):
            return line
    return None


def run(page, root, work, seconds):
    """Runs the page's blocks in `root` with `work` as home. Returns their number."""
    found = blocks(page.read_text())
    outputs, home = work / "out", work / "home"
    outputs.mkdir()
    home.mkdir()
    user = pathlib.Path.home()
    environment = {"CCACHE_DIR": str(user / ".cache/ccache"), **os.environ, "HOME": str(home)}
    for name in ("DATA", "CONTROL", "METRICS"):
        environment[f"ATTUNE_{name}_LISTEN"] = "127.0.0.1:0"
    for name in ("ATTUNE_SERVER", "ATTUNE_CONTROL"):
        environment.pop(name, None)
    shell = subprocess.Popen(["bash"], cwd=root, env=environment, stdin=subprocess.PIPE, text=True, start_new_session=True)
    try:
        # As a file would be read: whole, so that no command reads on in it.
        shell.communicate("{\n" + script(found, outputs) + "\nexit\n}\n", timeout=seconds)
    finally:
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for i, block in enumerate(found):
        out = outputs / str(i)
        printed = out.read_text() if out.exists() else ""
        last = not (outputs / str(i + 1)).exists()
        if last and shell.returncode != 0:
            raise AssertionError(f"{page.name}:{block.line} failed ({shell.returncode}):\n{block.commands}\n{printed[-3000:]}")
        line = missing(block.expected, printed)
        if line is not None:
            raise AssertionError(f"{page.name}:{block.line} did not print\n  {line}\nbut\n{printed[-3000:]}")
    return len(found)
