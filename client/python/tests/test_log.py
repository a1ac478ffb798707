# SPDX-License-Identifier: Apache-2.0
"""The decision log as pandas has it, and files of it."""

import math
import subprocess

import pytest
from conftest import CANDIDATES, HISTORY, binary

import attune
from attune.v1 import decision_log_pb2 as log_pb

MAGIC = b"attune.logged_decisions/1\n"


def logged(**fields):
    """A decision of two patterns."""
    proto = log_pb.LoggedDecision(decision_id="d", revision="r", mode=1, readout=3, role=2)
    proto.user, proto.state_dim = b"\x01\xff", 4
    proto.state.extend([0.5, 0.25])
    proto.patterns.add(option=1, propensity=0.5, probabilities=[0.5, 0.5])
    proto.patterns.add(option=0, propensity=0.25, probabilities=[0.25, 0.75])
    proto.decide_time.seconds = 1_000_000_000
    for name, value in fields.items():
        setattr(proto, name, value)
    return proto


def test_a_dataframe_has_a_row_a_decision():
    proto = logged()
    proto.feedback.reward = 0.75
    proto.feedback.ranked_item_ids.append("a")
    decisions = [attune.log.decision_from_proto(p) for p in (proto, logged(mode=9, role=9))]
    frame = attune.log.to_dataframe(decisions, state=True)
    first, second = frame.iloc[0], frame.iloc[1]
    assert (first["mode"], first.readout, first.role) == ("sample", "likelihood", "active")
    assert second.role == "unspecified"
    # None, or what pandas 3 makes of it.
    assert second["mode"] != second["mode"] or second["mode"] is None
    assert first.user == "01ff"
    assert first.propensity == 0.125
    assert (first.option_0, first.propensity_1, first.probabilities_1) == (1, 0.25, (0.25, 0.75))
    assert first.state == (0.5, 0.25, 0.0, 0.0)
    assert first.reward == 0.75
    assert math.isnan(second.reward)
    assert first.ranked_item_ids == ("a",)
    assert str(first.decide_time) == "2001-09-09 01:46:40+00:00"
    assert "state" not in attune.log.to_dataframe(decisions)


def test_a_log_with_nothing_in_it_has_its_columns():
    frame = attune.log.to_dataframe([])
    assert frame.empty
    assert {"reward", "revision", "propensity"} <= set(frame.columns)
    full = attune.log.to_dataframe([attune.log.decision_from_proto(logged())])
    assert list(frame.columns) == [c for c in full.columns if not c[-1].isdigit()]


def varint(size):
    return bytes([size & 0x7F | 0x80, size >> 7])


def test_a_file_is_read_to_its_end(tmp_path):
    path, data = tmp_path / "log.attlog", logged().SerializeToString()
    record = varint(len(data)) + data
    path.write_bytes(MAGIC + record * 3)
    assert [d.decision_id for d in attune.log.read_file(path)] == ["d"] * 3
    path.write_bytes(MAGIC)
    assert list(attune.log.read_file(path)) == []


@pytest.mark.parametrize("torn", ["size", "record", "garbage", "long size"])
def test_a_torn_file_names_the_record(tmp_path, torn):
    path, data = tmp_path / "log.attlog", logged().SerializeToString()
    record = varint(len(data)) + data
    rest = {
        "size": record[:1],
        "record": record[:-1],
        "garbage": b"\x02\xff\xff",
        "long size": b"\xff" * 6,
    }
    path.write_bytes(MAGIC + record + rest[torn])
    reader = attune.log.read_file(path)
    assert next(reader).decision_id == "d"
    with pytest.raises(attune.DataLossError, match="record 1: "):
        next(reader)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x").write_text("something else")
    with pytest.raises(attune.InvalidArgumentError, match="not a file of logged decisions"):
        next(attune.log.read_file(tmp_path / "x"))
    with pytest.raises(FileNotFoundError):
        next(attune.log.read_file(tmp_path / "none"))


def test_an_export_is_what_the_server_says(own_server, tmp_path):
    server, out = own_server(), tmp_path / "log.attlog"
    with attune.Client(server.target, server.control) as client:
        prompt = client.get_prompt(HISTORY, CANDIDATES, user_id="u")
        client.record_feedback(prompt, reward=0.5)
        export = [binary("ATTUNE_CLI_BINARY"), "export-log", out, "--control", server.control]
        subprocess.run(export, check=True, capture_output=True, timeout=60)
        decisions = list(client.read_decisions())
    assert len(decisions) == 1
    assert list(attune.log.read_file(out)) == decisions
