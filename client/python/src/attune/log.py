# SPDX-License-Identifier: Apache-2.0
"""The decision log: decisions as they were served, with what came of them.

`Client.read_decisions` reads it from a server, `read_file` from a file of ``attune
export-log``; `to_dataframe` makes a pandas DataFrame of either.

Example:
    with attune.Client() as client:
        frame = attune.log.to_dataframe(client.read_decisions(only_with_feedback=True))
    print(frame.groupby("revision").reward.agg(["count", "mean"]))
"""

from __future__ import annotations

import datetime
import enum
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Optional, Union

from google.protobuf.timestamp_pb2 import Timestamp

from attune.errors import DataLossError, InvalidArgumentError
from attune.types import Mode, Readout
from attune.v1 import decision_log_pb2 as log_pb

if TYPE_CHECKING:
    import pandas

_MAGIC = b"attune.logged_decisions/1\n"
_MAX_DECISION_BYTES = 8 << 20
_MAX_VARINT_BYTES = 5


class Role(enum.Enum):
    """What a revision was to a decision. Values are those of the wire."""

    UNSPECIFIED = 0
    NAMED = 1
    ACTIVE = 2
    CANARY = 3
    SHADOW = 4


class DamagedRecordsWarning(RuntimeWarning):
    """The server left out records because their checksum is wrong: its disk is damaged."""


@dataclass(frozen=True)
class LoggedPattern:
    """What was chosen for one pattern, and what its agent could have chosen.

    Attributes:
        option: Index of the chosen option within the pattern.
        propensity: Probability with which it was taken, given the state and the options
            of the patterns before. In (0, 1]; 1 in modes GREEDY and APPRENTICE.
        probabilities: The agent's own of every option, whatever the mode. Sum to 1.
    """

    option: int
    propensity: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class LoggedFeedback:
    """What came of a decision: `reward` in [0, 1], and the ranking if one was reported."""

    reward: float
    ranked_item_ids: tuple[str, ...]
    relevant_item_ids: tuple[str, ...]
    record_time: Optional[datetime.datetime]


@dataclass(frozen=True)
class LoggedDecision:
    """A decision that was served, or a shadow's, and its feedback if there was any.

    Attributes:
        decision_id: 32 hexadecimal digits.
        decide_time: UTC, whole seconds.
        user: Pseudonym of 16 hexadecimal digits; empty if the request named none.
        policy: Name of the policy.
        revision: What decided, or in mode APPRENTICE watched.
        catalog_digest: SHA-256 of the catalog whose options are counted.
        mode: How the options were taken.
        readout: What the prompt was rendered for.
        role: What the revision was to the decision.
        served_decision_id: Of a shadow's decision: the one that answered.
        patterns: In catalog order.
        history_length: History items that the prompt showed.
        state: What the agents saw, `state_dim` numbers.
        displayed_item_ids: The candidates, in displayed order.
        feedback: None if nothing was reported so far.
    """

    decision_id: str
    decide_time: Optional[datetime.datetime]
    user: str
    policy: str
    revision: str
    catalog_digest: str
    mode: Optional[Mode]
    readout: Optional[Readout]
    role: Role
    served_decision_id: str
    patterns: tuple[LoggedPattern, ...]
    history_length: int
    state: tuple[float, ...]
    displayed_item_ids: tuple[str, ...]
    feedback: Optional[LoggedFeedback]

    @property
    def propensity(self) -> float:
        """Of the whole choice: the product over the patterns. In (0, 1]."""
        return math.prod(pattern.propensity for pattern in self.patterns)


@dataclass(frozen=True)
class DecisionPage:
    """A page of the log; `next_page_token` is empty at its end."""

    decisions: tuple[LoggedDecision, ...]
    next_page_token: str
    damaged_records: int


def decision_from_proto(proto: log_pb.LoggedDecision) -> LoggedDecision:
    """From the wire. Values of enums that this client does not know become None."""
    feedback = None
    if proto.HasField("feedback"):
        feedback = LoggedFeedback(
            reward=proto.feedback.reward,
            ranked_item_ids=tuple(proto.feedback.ranked_item_ids),
            relevant_item_ids=tuple(proto.feedback.relevant_item_ids),
            record_time=_time(proto.feedback.record_time),
        )
    return LoggedDecision(
        decision_id=proto.decision_id,
        decide_time=_time(proto.decide_time),
        user=proto.user.hex(),
        policy=proto.policy,
        revision=proto.revision,
        catalog_digest=proto.catalog_digest,
        mode=Mode(proto.mode) if proto.mode in Mode._value2member_map_ else None,
        readout=Readout(proto.readout) if proto.readout in Readout._value2member_map_ else None,
        role=Role(proto.role if proto.role in Role._value2member_map_ else 0),
        served_decision_id=proto.served_decision_id,
        patterns=tuple(
            LoggedPattern(p.option, p.propensity, tuple(p.probabilities)) for p in proto.patterns
        ),
        history_length=proto.history_length,
        # Zeros at the end are not on the wire.
        state=tuple(proto.state) + (0.0,) * max(0, proto.state_dim - len(proto.state)),
        displayed_item_ids=tuple(proto.displayed_item_ids),
        feedback=feedback,
    )


def read_file(path: Union[str, Path]) -> Iterator[LoggedDecision]:
    """The decisions of a file of ``attune export-log``, in its order.

    Raises OSError if it cannot be read, InvalidArgumentError if it is no such file,
    DataLossError that names the record if it ends within one or one is no decision.
    """
    with open(path, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise InvalidArgumentError(f"{path}: not a file of logged decisions")
        record = 0
        while True:
            try:
                size = _read_size(file)
                if size is None:
                    return
                data = file.read(size)
                if len(data) != size:
                    raise ValueError("the file ends within it")
                proto = _parse(data)
            except ValueError as error:
                raise DataLossError(f"{path}: record {record}: {error}") from None
            record += 1
            yield decision_from_proto(proto)


def to_dataframe(decisions: Iterable[LoggedDecision], *, state: bool = False) -> pandas.DataFrame:
    """One row a decision. Needs pandas: ``pip install 'client/python[pandas]'``.

    Columns: the fields of LoggedDecision (enums by name in lower case); `propensity` of
    the whole choice; for each pattern k of the catalog, counted from 0, `option_k`,
    `propensity_k` and `probabilities_k` (a tuple, one entry per option); `reward` (NaN
    without feedback), `ranked_item_ids`, `relevant_item_ids`, `record_time`; and `state`
    (a tuple) if asked for.
    """
    import pandas

    rows = [_row(decision, state) for decision in decisions]
    frame = pandas.DataFrame(rows, columns=None if rows else [*_NO_DECISION])
    for column in ("decide_time", "record_time"):
        frame[column] = pandas.to_datetime(frame[column], utc=True)
    frame["reward"] = frame["reward"].astype("float64")
    return frame


_NO_DECISION = (
    "decision_id", "decide_time", "user", "policy", "revision", "catalog_digest", "mode",
    "readout", "role", "served_decision_id", "history_length", "displayed_item_ids",
    "propensity", "reward", "ranked_item_ids", "relevant_item_ids", "record_time",
)  # fmt: skip


def _row(decision: LoggedDecision, state: bool) -> dict[str, object]:
    feedback = decision.feedback
    row: dict[str, object] = {
        "decision_id": decision.decision_id,
        "decide_time": decision.decide_time,
        "user": decision.user,
        "policy": decision.policy,
        "revision": decision.revision,
        "catalog_digest": decision.catalog_digest,
        "mode": decision.mode.name.lower() if decision.mode else None,
        "readout": decision.readout.name.lower() if decision.readout else None,
        "role": decision.role.name.lower(),
        "served_decision_id": decision.served_decision_id,
        "history_length": decision.history_length,
        "displayed_item_ids": decision.displayed_item_ids,
        "propensity": decision.propensity,
        "reward": feedback.reward if feedback else None,
        "ranked_item_ids": feedback.ranked_item_ids if feedback else (),
        "relevant_item_ids": feedback.relevant_item_ids if feedback else (),
        "record_time": feedback.record_time if feedback else None,
    }
    for k, pattern in enumerate(decision.patterns):
        row[f"option_{k}"] = pattern.option
        row[f"propensity_{k}"] = pattern.propensity
        row[f"probabilities_{k}"] = pattern.probabilities
    if state:
        row["state"] = decision.state
    return row


def _time(proto: Timestamp) -> Optional[datetime.datetime]:
    if not (proto.seconds or proto.nanos):
        return None
    return proto.ToDatetime(tzinfo=datetime.timezone.utc)


def _read_size(file: BinaryIO) -> Optional[int]:
    """A Protobuf varint; None at the end of the file."""
    size = 0
    for i in range(_MAX_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            if i == 0:
                return None
            raise ValueError("the file ends within it")
        size |= (byte[0] & 0x7F) << (7 * i)
        if byte[0] & 0x80 == 0:
            if size > _MAX_DECISION_BYTES:
                raise ValueError("too large")
            return size
    raise ValueError("its size is none")


def _parse(data: bytes) -> log_pb.LoggedDecision:
    try:
        return log_pb.LoggedDecision.FromString(data)
    except Exception:
        raise ValueError("not a decision") from None
