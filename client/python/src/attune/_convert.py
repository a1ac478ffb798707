# SPDX-License-Identifier: Apache-2.0
"""To and from the wire."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

from google.protobuf.timestamp_pb2 import Timestamp

from attune import types
from attune.errors import AttuneError, InternalError, InvalidArgumentError, error_from_status
from attune.v1 import policy_service_pb2 as policy_pb
from attune.v1 import prompt_pb2
from attune.v1 import prompt_service_pb2 as service_pb


def to_item(item: types.ItemLike, where: str) -> types.Item:
    """The Item of a dict. Raises InvalidArgumentError that names the field."""
    if isinstance(item, types.Item):
        return item
    try:
        return types.Item(**item)
    except TypeError as error:
        raise InvalidArgumentError(f"{where}: {error}") from None


def item_to_proto(item: types.ItemLike, where: str) -> prompt_pb2.Item:
    """As `to_item`, on the wire."""
    item = to_item(item, where)
    try:
        proto = prompt_pb2.Item(
            item_id=item.item_id, title=item.title, genres=item.genres, weight=item.weight
        )
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{where}: {error}") from None
    if item.interact_time is not None:
        proto.interact_time.FromDatetime(item.interact_time)
    return proto


def items_to_proto(items: Iterable[types.ItemLike], where: str) -> list[prompt_pb2.Item]:
    """All of them."""
    return [item_to_proto(item, f"{where}[{i}]") for i, item in enumerate(items)]


def choice_to_proto(choice: Mapping[str, str]) -> list[prompt_pb2.PatternChoice]:
    """Pattern to option id."""
    return [prompt_pb2.PatternChoice(pattern=k, option_id=v) for k, v in choice.items()]


def _readout(readout: Optional[types.Readout]) -> Optional[str]:
    return f"READOUT_{types.Readout(readout).name}" if readout else None


def request_to_proto(request: types.PromptRequestLike) -> service_pb.GetPromptRequest:
    """Raises InvalidArgumentError if something has the wrong type."""
    if not isinstance(request, types.PromptRequest):
        try:
            request = types.PromptRequest(**request)
        except TypeError as error:
            raise InvalidArgumentError(f"request: {error}") from None
    try:
        proto = service_pb.GetPromptRequest(
            history=items_to_proto(request.history, "history"),
            candidates=items_to_proto(request.candidates, "candidates"),
            user_id=request.user_id,
            policy=request.policy,
            revision=request.revision,
            own_choice=choice_to_proto(request.own_choice),
            mode=f"DECISION_MODE_{types.Mode(request.mode).name}" if request.mode else None,
            readout=_readout(request.readout),
        )
        if request.seed is not None:
            proto.seed = request.seed
        if request.previous is not None:
            proto.previous.decision_token = request.previous.decision_token
            proto.previous.ranked_item_ids.extend(request.previous.ranked_item_ids)
    except InvalidArgumentError:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"request: {error}") from None
    return proto


def preview_to_proto(
    history: Sequence[types.ItemLike],
    candidates: Sequence[types.ItemLike],
    choice: Mapping[str, str],
    revision: str,
    readout: Optional[types.Readout],
    seed: int,
) -> service_pb.PreviewPromptRequest:
    """Raises InvalidArgumentError if something has the wrong type."""
    try:
        return service_pb.PreviewPromptRequest(
            history=items_to_proto(history, "history"),
            candidates=items_to_proto(candidates, "candidates"),
            choice=choice_to_proto(choice),
            revision=revision,
            readout=_readout(readout),
            seed=seed,
        )
    except InvalidArgumentError:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"request: {error}") from None


def to_time(proto: Timestamp) -> datetime.datetime:
    """In UTC."""
    return proto.ToDatetime(tzinfo=datetime.timezone.utc)


def to_prompt(
    response: Union[service_pb.GetPromptResponse, service_pb.PreviewPromptResponse],
) -> types.Prompt:
    """Raises InternalError if the answer contract's lists differ in length."""
    answer = response.answer
    if not (len(answer.labels) == len(answer.displayed_item_ids) == len(answer.displayed_titles)):
        raise InternalError("answer: the server's lists of labels, ids and titles differ in length")
    decided: dict[str, Any] = {}
    if isinstance(response, service_pb.GetPromptResponse):
        decided = {
            "decision_id": response.decision_id,
            "decision_token": response.decision_token,
        }
        if response.HasField("expire_time"):
            decided["expire_time"] = to_time(response.expire_time)
    return types.Prompt(
        messages=tuple(
            types.Message(m.role, "".join(s.text for s in m.segments)) for m in response.messages
        ),
        answer=types.AnswerContract(
            readout=types.Readout(answer.readout or 1),
            labels=tuple(answer.labels),
            displayed_item_ids=tuple(answer.displayed_item_ids),
            displayed_titles=tuple(answer.displayed_titles),
            prior_prefix=answer.prior_prefix,
        ),
        revision=response.revision,
        choice=tuple(
            types.ChosenOption(p.pattern, p.option_id, p.probability)
            for p in response.choice.patterns
        ),
        history_length=response.choice.history_length,
        **decided,
    )


def to_result(result: service_pb.PromptResult) -> Union[types.Prompt, AttuneError]:
    """One result of a stream."""
    if not result.HasField("response"):
        return error_from_status(result.status)
    try:
        return to_prompt(result.response)
    except AttuneError as error:
        return error


def to_revision(proto: policy_pb.Revision) -> types.Revision:
    """Of the manifest only what is in lists too."""
    known = proto.state in types.RevisionState._value2member_map_
    return types.Revision(
        revision_id=proto.revision_id,
        digest=proto.digest,
        state=types.RevisionState(proto.state if known else 0),
        byte_size=proto.byte_size,
        push_time=to_time(proto.push_time) if proto.HasField("push_time") else None,
        policy=proto.manifest.policy,
        parent_revision=proto.manifest.parent_revision,
    )


def to_traffic(proto: policy_pb.Traffic) -> types.Traffic:
    """From the wire."""
    canary = None
    if proto.HasField("canary"):
        canary = types.Canary(proto.canary.revision, proto.canary.share)
    return types.Traffic(proto.active, canary, proto.shadow)


def traffic_to_proto(traffic: types.Traffic) -> policy_pb.Traffic:
    """To the wire."""
    proto = policy_pb.Traffic(active=traffic.active, shadow=traffic.shadow)
    if traffic.canary is not None:
        proto.canary.revision = traffic.canary.revision
        proto.canary.share = traffic.canary.share
    return proto
