# SPDX-License-Identifier: Apache-2.0
"""The calls, without input and output: what both clients do is written once, here.

A call is a generator. It yields operations (`Unary`, `Sleep`, ...), is sent their
results or has their AttuneError thrown in, and returns what the call returns. A client
drives it with `attune._transport`.
"""

from __future__ import annotations

import hashlib
import random
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, TypeVar, Union

from attune import _convert, fallback
from attune.errors import (
    AbortedError,
    AttuneError,
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    OutOfRangeError,
    UnavailableError,
)
from attune.log import DecisionPage, decision_from_proto
from attune.options import RetryOptions
from attune.types import (
    Feedback,
    Forgotten,
    Prompt,
    PromptRequestLike,
    PushResult,
    Revision,
    Traffic,
)
from attune.v1 import log_service_pb2 as log_pb
from attune.v1 import policy_service_pb2 as policy_pb
from attune.v1 import prompt_service_pb2 as prompt_pb
from attune.v1.revision_signature_pb2 import RevisionSignature

T = TypeVar("T")
Call = Generator[Any, Any, T]

PROMPTS = "/attune.v1.PromptService/"
POLICIES = "/attune.v1.PolicyService/"
LOGS = "/attune.v1.LogService/"

MAX_CHUNK_BYTES = 1024 * 1024
# Enough for the server to have work while the next ones are on their way.
_CALLS_IN_MESSAGE = 16
_REVISIONS_IN_PAGE = 200


@dataclass(frozen=True)
class Sleep:
    """Wait this many seconds."""

    seconds: float


@dataclass(frozen=True)
class Unary:
    """One request, one answer, within `timeout` seconds."""

    method: str
    request: Any
    response_type: Any
    timeout: float


@dataclass(frozen=True)
class FirstAnswer(Unary):
    """One request; the first message of the answer's stream, which then ends."""


@dataclass(frozen=True)
class Upload(Unary):
    """A stream of requests, one answer. `request` makes the iterator."""


@dataclass(frozen=True)
class Exchange(Unary):
    """A list of requests, one answer to each, in order: a list of the answers and the
    error that ended the stream early, or None."""


@dataclass(frozen=True)
class Settings:
    """How patient a plane's calls are. Clock and randomness are arguments."""

    deadline: float
    retry: RetryOptions
    now: Callable[[], float] = time.monotonic
    unit: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if not self.deadline > 0:
            raise InvalidArgumentError("deadline: must be more than 0 seconds")


@dataclass(frozen=True)
class PushOptions:
    """As `Client.push_revision` takes them."""

    activate: bool = False
    signature: Optional[bytes] = None
    chunk_bytes: int = 512 * 1024
    timeout: float = 300.0
    max_stalled_streams: int = 5
    on_progress: Optional[Callable[[int, int], None]] = None


def is_retryable(error: AttuneError) -> bool:
    """Whether the call may succeed if it is made again unchanged."""
    return isinstance(error, UnavailableError) or error.retry_after is not None


def with_retries(settings: Settings, op: Callable[[float], Unary], until: float) -> Call[Any]:
    """Yields `op(seconds left)` until it succeeds or there is no use in another try."""
    made = 0
    while True:
        made += 1
        try:
            return (yield op(max(0.0, until - settings.now())))
        except AttuneError as error:
            if not is_retryable(error) or made >= settings.retry.max_attempts:
                raise
            wait = error.retry_after
            if wait is None:
                wait = settings.retry.backoff(made, settings.unit())
            if settings.now() + wait >= until:
                raise
        yield Sleep(wait)


def unary(settings: Settings, method: str, request: Any, response_type: Any) -> Call[Any]:
    """A call with the deadline and the retries of its plane."""
    until = settings.now() + settings.deadline
    return with_retries(settings, lambda left: Unary(method, request, response_type, left), until)


def get_prompt(
    settings: Settings,
    request: PromptRequestLike,
    known: fallback.LastKnownGood,
    own: Optional[fallback.Fallback],
) -> Call[Prompt]:
    """A prompt, or a fallback if the server does not answer."""
    proto = _convert.request_to_proto(request)
    try:
        response = yield from unary(
            settings, PROMPTS + "GetPrompt", proto, prompt_pb.GetPromptResponse
        )
    except (UnavailableError, DeadlineExceededError) as error:
        chosen = fallback.choose(known.find(proto), own, error)
        if chosen is None:
            raise
        return chosen
    prompt = _convert.to_prompt(response)
    known.keep(proto, prompt)
    return prompt


def get_prompts(
    settings: Settings, requests: Sequence[PromptRequestLike]
) -> Call[list[Union[Prompt, AttuneError]]]:
    """Result i answers request i. Nothing is tried again."""
    results: list[Union[Prompt, AttuneError, None]] = [None] * len(requests)
    sound: list[tuple[int, prompt_pb.GetPromptRequest]] = []
    for i, request in enumerate(requests):
        try:
            sound.append((i, _convert.request_to_proto(request)))
        except AttuneError as error:
            results[i] = error
    messages = [
        prompt_pb.StreamPromptsRequest(
            calls=[
                prompt_pb.PromptCall(call_id=i, request=proto)
                for i, proto in sound[at : at + _CALLS_IN_MESSAGE]
            ]
        )
        for at in range(0, len(sound), _CALLS_IN_MESSAGE)
    ]
    ended: Optional[AttuneError] = None
    if messages:
        answers, ended = yield Exchange(
            PROMPTS + "StreamPrompts",
            messages,
            prompt_pb.StreamPromptsResponse,
            settings.deadline,
        )
        answered = [result for answer in answers for result in answer.results]
        for (i, _), result in zip(sound, answered):
            results[i] = _convert.to_result(result)
    missing = ended or InternalError("the stream ended early")
    return [missing if result is None else result for result in results]


def preview_prompt(settings: Settings, request: prompt_pb.PreviewPromptRequest) -> Call[Prompt]:
    """The prompt of a given choice."""
    response = yield from unary(
        settings, PROMPTS + "PreviewPrompt", request, prompt_pb.PreviewPromptResponse
    )
    return _convert.to_prompt(response)


def record_feedback(
    settings: Settings,
    prompt: Union[Prompt, bytes],
    reward: Optional[float],
    ranking: Optional[Sequence[str]],
    relevant: Sequence[str],
    request_id: str,
) -> Call[Feedback]:
    """Reward or ranking, by token."""
    token = prompt.decision_token if isinstance(prompt, Prompt) else prompt
    if not token:
        raise InvalidArgumentError("prompt: a preview or a fallback is no decision")
    if (reward is None) == (ranking is None):
        raise InvalidArgumentError("feedback: give a reward or a ranking")
    if reward is not None and relevant:
        raise InvalidArgumentError("relevant: goes with a ranking")
    # A retry within this call is no duplicate.
    request = prompt_pb.RecordFeedbackRequest(
        decision_token=token, request_id=request_id or str(uuid.uuid4())
    )
    if reward is not None:
        request.reward = reward
    if ranking is not None:
        request.ranking.ranked_item_ids.extend(ranking)
        request.ranking.relevant_item_ids.extend(relevant)
    response = yield from unary(
        settings, PROMPTS + "RecordFeedback", request, prompt_pb.RecordFeedbackResponse
    )
    return Feedback(response.decision_id, response.reward, response.duplicate)


def list_revisions(settings: Settings) -> Call[list[Revision]]:
    """All pages, newest first."""
    revisions: list[Revision] = []
    request = policy_pb.ListRevisionsRequest(page_size=_REVISIONS_IN_PAGE)
    while True:
        page = yield from unary(
            settings, POLICIES + "ListRevisions", request, policy_pb.ListRevisionsResponse
        )
        revisions += [_convert.to_revision(r) for r in page.revisions]
        if not page.next_page_token:
            return revisions
        if page.next_page_token == request.page_token:
            raise InternalError("next_page_token: the server repeats itself")
        request.page_token = page.next_page_token


def get_revision(settings: Settings, revision_id: str) -> Call[Revision]:
    """One revision."""
    response = yield from unary(
        settings,
        POLICIES + "GetRevision",
        policy_pb.GetRevisionRequest(revision_id=revision_id),
        policy_pb.GetRevisionResponse,
    )
    return _convert.to_revision(response.revision)


def get_traffic(settings: Settings) -> Call[Traffic]:
    """The first message of WatchRevisions."""
    until = settings.now() + settings.deadline
    response = yield from with_retries(
        settings,
        lambda left: FirstAnswer(
            POLICIES + "WatchRevisions",
            policy_pb.WatchRevisionsRequest(),
            policy_pb.WatchRevisionsResponse,
            left,
        ),
        until,
    )
    return _convert.to_traffic(response.traffic)


def set_traffic(settings: Settings, traffic: Traffic, reason: str) -> Call[Traffic]:
    """Returns the traffic from now on."""
    response = yield from unary(
        settings,
        POLICIES + "SetTraffic",
        policy_pb.SetTrafficRequest(traffic=_convert.traffic_to_proto(traffic), reason=reason),
        policy_pb.SetTrafficResponse,
    )
    return _convert.to_traffic(response.traffic)


def rollback(settings: Settings, reason: str) -> Call[Traffic]:
    """Never tried again: each call goes back one step."""
    response = yield Unary(
        POLICIES + "Rollback",
        policy_pb.RollbackRequest(reason=reason),
        policy_pb.RollbackResponse,
        settings.deadline,
    )
    return _convert.to_traffic(response.traffic)


def delete_revision(settings: Settings, revision_id: str, reason: str) -> Call[None]:
    """Tried again it may be NOT_FOUND though it was this call that deleted it."""
    yield from unary(
        settings,
        POLICIES + "DeleteRevision",
        policy_pb.DeleteRevisionRequest(revision_id=revision_id, reason=reason),
        policy_pb.DeleteRevisionResponse,
    )


def list_decisions(
    settings: Settings, only_with_feedback: bool, page_token: str
) -> Call[DecisionPage]:
    """One page of the decision log."""
    page = yield from unary(
        settings,
        LOGS + "ListDecisions",
        log_pb.ListDecisionsRequest(only_with_feedback=only_with_feedback, page_token=page_token),
        log_pb.ListDecisionsResponse,
    )
    if page.next_page_token and page.next_page_token == page_token:
        raise InternalError("next_page_token: the server repeats itself")
    return DecisionPage(
        tuple(decision_from_proto(d) for d in page.decisions),
        page.next_page_token,
        page.damaged_records,
    )


def forget_user(settings: Settings, user_id: str) -> Call[Forgotten]:
    """Erases a user from the decision log."""
    response = yield from unary(
        settings,
        LOGS + "ForgetUser",
        log_pb.ForgetUserRequest(user_id=user_id),
        log_pb.ForgetUserResponse,
    )
    return Forgotten(response.erased_decisions, response.erased_feedback)


def push_revision(settings: Settings, artifact: bytes, options: PushOptions) -> Call[PushResult]:
    """Uploads from where the server has it, again while streams break."""
    push = _Push(settings, artifact, options)
    return (yield from push.run())


@dataclass
class _Push:
    """One artifact on its way."""

    settings: Settings
    artifact: bytes
    options: PushOptions
    resumed: bool = False
    digest: str = field(init=False)
    until: float = field(init=False)
    header: policy_pb.PushRevisionHeader = field(init=False)

    def __post_init__(self) -> None:
        if not self.artifact:
            raise InvalidArgumentError("artifact: must have at least 1 byte")
        if not 1 <= self.options.chunk_bytes <= MAX_CHUNK_BYTES:
            raise InvalidArgumentError(f"chunk_bytes: must be in [1, {MAX_CHUNK_BYTES}]")
        if self.options.max_stalled_streams < 1:
            raise InvalidArgumentError("max_stalled_streams: must be at least 1")
        self.digest = hashlib.sha256(self.artifact).hexdigest()
        self.until = self.settings.now() + self.options.timeout
        self.header = policy_pb.PushRevisionHeader(
            digest=self.digest, byte_size=len(self.artifact), activate=self.options.activate
        )
        if self.options.signature is not None:
            self.header.signature.CopyFrom(_signature(self.options.signature, self.digest))

    def run(self) -> Call[PushResult]:
        stalled, furthest = 0, -1
        while True:
            offset = yield from self.ask_offset()
            stalled = 0 if offset > furthest else stalled + 1
            furthest = max(furthest, offset)
            try:
                response = yield self.stream(offset)
            except AttuneError as error:
                if not self.is_resumable(error):
                    raise
                if stalled >= self.options.max_stalled_streams - 1:
                    raise
                wait = self.settings.retry.backoff(stalled + 1, self.settings.unit())
                if self.settings.now() + wait >= self.until:
                    raise
            else:
                return PushResult(_convert.to_revision(response.revision), response.already_stored)
            yield Sleep(wait)
            self.resumed = True

    def ask_offset(self) -> Call[int]:
        response = yield from with_retries(
            self.settings,
            lambda left: Unary(
                POLICIES + "GetPushOffset",
                policy_pb.GetPushOffsetRequest(digest=self.digest),
                policy_pb.GetPushOffsetResponse,
                min(left, self.settings.deadline),
            ),
            self.until,
        )
        if response.complete:
            return len(self.artifact)
        if not 0 <= response.offset <= len(self.artifact):
            raise InternalError("offset: the server's answer is not within the artifact")
        return int(response.offset)

    def stream(self, offset: int) -> Upload:
        return Upload(
            POLICIES + "PushRevision",
            lambda: self.requests(offset),
            policy_pb.PushRevisionResponse,
            max(0.0, self.until - self.settings.now()),
        )

    def requests(self, offset: int) -> Iterator[policy_pb.PushRevisionRequest]:
        self.header.offset = offset
        yield policy_pb.PushRevisionRequest(header=self.header)
        self.report(offset)
        while offset < len(self.artifact):
            chunk = self.artifact[offset : offset + self.options.chunk_bytes]
            yield policy_pb.PushRevisionRequest(data=chunk)
            offset += len(chunk)
            self.report(offset)

    def is_resumable(self, error: AttuneError) -> bool:
        """ABORTED and OUT_OF_RANGE follow a broken stream whose other half the server is not
        done with; a first stream that meets them has a rival."""
        if is_retryable(error):
            return True
        return self.resumed and isinstance(error, (AbortedError, OutOfRangeError))

    def report(self, sent: int) -> None:
        if self.options.on_progress is not None:
            self.options.on_progress(sent, len(self.artifact))


def _signature(data: bytes, digest: str) -> RevisionSignature:
    try:
        signature = RevisionSignature.FromString(data)
    except Exception:
        raise InvalidArgumentError("signature: not the bytes of a .sig file") from None
    if signature.digest != digest:
        raise InvalidArgumentError("signature: of another artifact; sign this one")
    return signature
