# SPDX-License-Identifier: Apache-2.0
"""The flags of the programs, from their own --help."""
import re
import subprocess

PROGRAMS = {"attune_server": "server/attune_server", "attune": "client/attune", "attune_trainer": "trainer/attune_trainer"}


def help_text(build, program, command=""):
    words = [str(build / PROGRAMS[program]), *([command] if command else []), "--help"]
    return subprocess.run(words, check=True, capture_output=True, text=True, env={}, timeout=600).stdout


def commands(text):
    listed = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.M)
    return re.findall(r"^  (\S+)", listed.group(1), re.M) if listed else []


def helps(build):
    """{"attune prompt": its help, ...}: every program and every command of each."""
    found = {}
    for program in PROGRAMS:
        found[program] = help_text(build, program)
        for command in commands(found[program]):
            # A description may go on in the next line, at the same column as none of the names.
            found[f"{program} {command}"] = help_text(build, program, command)
    return found


def flags(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9_-]*", text))


def page(build):
    parts = ["# Commands and flags\n\nWhat the programs say to `--help`.\n"]
    for name, text in helps(build).items():
        level = "##" if name in PROGRAMS else "###"
        parts.append(f"{level} {name}\n\n```text\n{text.strip()}\n```\n")
    return "\n".join(parts)
