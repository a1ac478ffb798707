# SPDX-License-Identifier: Apache-2.0
"""The README's code, run."""

import re

from conftest import ROOT


def test_the_readme_works(own_server, capsys):
    server = own_server()
    text = (ROOT / "client/python/README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    names = {"my_llm": lambda messages: "B, A"}
    for block in blocks:
        block = block.replace("127.0.0.1:50051", server.target)
        block = block.replace("Client()", f'Client("{server.target}", "{server.control}")')
        exec(block, names)
    printed = capsys.readouterr().out
    assert "ParseStatus.COMPLETE" in printed
    assert re.search(r"uniform-\w+ active +1 ", printed)
