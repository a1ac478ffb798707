# SPDX-License-Identifier: Apache-2.0
"""START HERE. The two clients: `Client` blocks, `AsyncClient` is for asyncio.

They have the same methods with the same arguments, results and errors; those of
`AsyncClient` are awaited. All are described once, at `Client`.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Callable, Optional, Union

from attune import _convert, _core
from attune._transport import AsyncTransport, Transport
from attune.errors import AttuneError
from attune.fallback import Fallback, LastKnownGood
from attune.log import DamagedRecordsWarning, DecisionPage, LoggedDecision
from attune.options import DEFAULT_CONTROL_TARGET, DEFAULT_TARGET, RetryOptions, TlsOptions
from attune.types import (
    Feedback,
    Forgotten,
    ItemLike,
    Mode,
    Previous,
    Prompt,
    PromptRequest,
    PromptRequestLike,
    PushResult,
    Readout,
    Revision,
    Traffic,
)

Artifact = Union[bytes, str, Path]
Progress = Callable[[int, int], None]


class _Settings:
    """What both clients keep beside their connections."""

    def __init__(
        self,
        deadline: float,
        control_deadline: float,
        log_deadline: float,
        retry: RetryOptions,
        last_known_good: int,
    ) -> None:
        self.prompts = _core.Settings(deadline, retry)
        self.policies = _core.Settings(control_deadline, retry)
        self.logs = _core.Settings(log_deadline, retry)
        self.known = LastKnownGood(last_known_good)


class Client:
    """A connection to an Attune server: ask for prompts, report what came of them, manage
    revisions and traffic, read the decision log.

    Make one and share it: it connects with the first call, and once for all threads.
    Make it after a fork. A call ends by its deadline, all retries included. Thread-safe.

    Every call raises an `attune.AttuneError` of its canonical code; a mistake in the
    request is an `attune.InvalidArgumentError`, which is also a ValueError.

    Example:
        with attune.Client("localhost:50051", last_known_good=1000) as client:
            prompt = client.get_prompt(history, candidates, user_id="user-17",
                                       fallback=attune.plain_prompt(history, candidates))
            answer = my_llm(prompt.chat_messages())
            best = attune.parse_ranking(prompt, answer)
            ...  # show `best`, see what is clicked
            if not prompt.is_fallback:
                client.record_feedback(prompt, ranking=best.item_ids, relevant=clicked)

    Args:
        target: The data plane: "host:port", "dns:///name:port" or "unix:/path".
        control_target: The control plane: revisions, traffic and the log.
        deadline: Seconds for one call to the data plane. More than 0.
        control_deadline: The same for revisions and traffic; a page of a list is a call.
        log_deadline: The same for the log.
        retry: When a call is tried again.
        tls: How the connections are secured.
        last_known_good: Of how many different requests the newest prompt is kept, for
            when the server cannot be asked. 0 for none.

    Raises InvalidArgumentError if an argument is out of its range, OSError if a file of
    `tls` cannot be read. Does not connect.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        control_target: str = DEFAULT_CONTROL_TARGET,
        *,
        deadline: float = 2.0,
        control_deadline: float = 30.0,
        log_deadline: float = 120.0,
        retry: RetryOptions = RetryOptions(),  # noqa: B008 (immutable)
        tls: TlsOptions = TlsOptions(),  # noqa: B008 (immutable)
        last_known_good: int = 0,
    ) -> None:
        self._settings = _Settings(deadline, control_deadline, log_deadline, retry, last_known_good)
        self._data = Transport(target, tls)
        self._control = Transport(control_target, tls)

    def close(self) -> None:
        """Closes the connections; calls under way end with CANCELLED."""
        self._data.close()
        self._control.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def get_prompt(
        self,
        history: Sequence[ItemLike],
        candidates: Sequence[ItemLike],
        *,
        user_id: str = "",
        policy: str = "",
        revision: str = "",
        previous: Optional[Previous] = None,
        mode: Optional[Mode] = None,
        readout: Optional[Readout] = None,
        seed: Optional[int] = None,
        own_choice: Optional[Mapping[str, str]] = None,
        fallback: Optional[Fallback] = None,
    ) -> Prompt:
        """The prompt that suits this user and these candidates.

        See `PromptRequest` for the arguments. In mode APPRENTICE `own_choice` is required:
        the server serves it, and its agents watch.

        If the server does not answer (UNAVAILABLE, DEADLINE_EXCEEDED), the last known good
        prompt of the same request is returned, if the client keeps some, else `fallback`
        (a prompt or a function that makes one); `is_fallback` then says so, and there is no
        token. Any other error is an error: a fallback would hide a mistake in the request.

        Raises InvalidArgumentError if a field is out of its range; NotFoundError if
        `revision` or `policy` is not loaded; UnauthenticatedError or
        FailedPreconditionError if `previous` is not the server's, too old or of other
        candidates.
        """
        request = PromptRequest(
            history, candidates, user_id, policy, revision, previous, mode, readout, seed,
            own_choice or {},
        )  # fmt: skip
        return self._data.run(
            _core.get_prompt(self._settings.prompts, request, self._settings.known, fallback)
        )

    def get_prompts(
        self, requests: Sequence[PromptRequestLike]
    ) -> list[Union[Prompt, AttuneError]]:
        """As `get_prompt` for each request, over one stream: several times as many a second.

        Result i answers request i: a Prompt, or the AttuneError of this request alone. The
        deadline is for all of them; if the stream breaks, the requests that were not
        answered have its error. Nothing is tried again, and there are no fallbacks.
        """
        return self._data.run(_core.get_prompts(self._settings.prompts, requests))

    def preview_prompt(
        self,
        history: Sequence[ItemLike],
        candidates: Sequence[ItemLike],
        *,
        choice: Optional[Mapping[str, str]] = None,
        revision: str = "",
        readout: Optional[Readout] = None,
        seed: int = 0,
    ) -> Prompt:
        """The prompt of a given choice: pattern to option id, the rest by default.

        Decides and logs nothing, so there is no token. Raises InvalidArgumentError if an
        option does not exist; otherwise as `get_prompt`.
        """
        request = _convert.preview_to_proto(
            history, candidates, choice or {}, revision, readout, seed
        )
        return self._data.run(_core.preview_prompt(self._settings.prompts, request))

    def record_feedback(
        self,
        prompt: Union[Prompt, bytes],
        *,
        reward: Optional[float] = None,
        ranking: Optional[Sequence[str]] = None,
        relevant: Sequence[str] = (),
        request_id: str = "",
    ) -> Feedback:
        """Reports what came of a prompt. Once it returns, that is on the server's disk.

        Idempotent per decision, so safe to call again after any error: the first feedback
        counts, and the result says its reward.

        Args:
            prompt: The prompt, or its token. Neither a preview nor a fallback.
            reward: In [0, 1]; or instead
            ranking: The item ids that the user saw, best first (1 to 26, distinct), with
            relevant: those that turned out relevant; none means a reward of 0. From the
                two the server computes NDCG@10.
            request_id: Makes a repeated call recognisable; at most 64 bytes. Filled in if
                empty.

        Raises FailedPreconditionError if the decision is too old (reason
        FEEDBACK_WINDOW_CLOSED), its user was erased (DECISION_FORGOTTEN) or the server
        keeps no log (LOG_DISABLED); UnauthenticatedError if the token is not the server's.
        """
        return self._data.run(
            _core.record_feedback(
                self._settings.prompts, prompt, reward, ranking, relevant, request_id
            )
        )

    def list_revisions(self) -> list[Revision]:
        """All revisions, newest first."""
        return self._control.run(_core.list_revisions(self._settings.policies))

    def get_revision(self, revision_id: str) -> Revision:
        """One revision. Raises NotFoundError if there is none with this id."""
        return self._control.run(_core.get_revision(self._settings.policies, revision_id))

    def get_traffic(self) -> Traffic:
        """The traffic as it is."""
        return self._control.run(_core.get_traffic(self._settings.policies))

    def set_traffic(self, traffic: Traffic, reason: str = "") -> Traffic:
        """Sets the traffic and returns it. What is not set is not in traffic any more.

        `reason` is for the audit log; at most 256 bytes. Raises NotFoundError if a
        revision does not exist, InvalidArgumentError if a field is out of its range.
        """
        return self._control.run(_core.set_traffic(self._settings.policies, traffic, reason))

    def push_revision(
        self,
        artifact: Artifact,
        *,
        activate: bool = False,
        signature: Optional[bytes] = None,
        chunk_bytes: int = 512 * 1024,
        timeout: float = 300.0,
        max_stalled_streams: int = 5,
        on_progress: Optional[Progress] = None,
    ) -> PushResult:
        """Uploads an artifact in chunks. Goes on where an earlier push of the same bytes
        stopped, also another process's; a broken stream is resumed.

        Args:
            artifact: Its bytes, or the path of its file.
            activate: Makes it active once the server has verified it.
            signature: The bytes of its .sig file, for a server with trusted keys. The file
                beside the artifact is taken, if there is one, when it is not given.
            chunk_bytes: Size of a data message. 1 to 1 MiB.
            timeout: Seconds for the whole push, all streams together.
            max_stalled_streams: Streams in a row that may break without a byte more being
                stored. At least 1.
            on_progress: Called with the bytes sent (which go back when a broken stream lost
                some) and the bytes in all; called on another thread. Must not block or
                raise.

        Raises InvalidArgumentError if the artifact is malformed or the signature is of
        other bytes; PermissionDeniedError if the server wants a signature and this is none
        that it trusts; AbortedError if another push of it is under way; OSError if a file
        cannot be read.
        """
        data, signature = _read_artifact(artifact, signature)
        options = _core.PushOptions(
            activate, signature, chunk_bytes, timeout, max_stalled_streams, on_progress
        )
        return self._control.run(_core.push_revision(self._settings.policies, data, options))

    def rollback(self, reason: str = "") -> Traffic:
        """Ends the canary's trial or, without one, goes back to the revision before the active
        one. Never tried again. Raises FailedPreconditionError (NO_EARLIER_REVISION)."""
        return self._control.run(_core.rollback(self._settings.policies, reason))

    def delete_revision(self, revision_id: str, reason: str = "") -> None:
        """Deletes a stored revision that is not in traffic (else FailedPreconditionError)."""
        self._control.run(_core.delete_revision(self._settings.policies, revision_id, reason))

    def read_decisions(self, *, only_with_feedback: bool = False) -> Iterator[LoggedDecision]:
        """Every decision that the log holds, oldest first; pages are fetched as needed.

        Warns with DamagedRecordsWarning of records that the server left out. Raises
        FailedPreconditionError (LOG_DISABLED) if the server keeps no log.
        """
        token = ""
        while True:
            page = self._control.run(
                _core.list_decisions(self._settings.logs, only_with_feedback, token)
            )
            _warn_of_damage(page)
            yield from page.decisions
            token = page.next_page_token
            if not token:
                return

    def forget_user(self, user_id: str) -> Forgotten:
        """Erases a user from the log; once it returns no byte of theirs is left in its files.

        Idempotent. An error says that the user may still be there: call again.
        """
        return self._control.run(_core.forget_user(self._settings.logs, user_id))


class AsyncClient:
    """`Client` for asyncio: the same arguments, and the same methods, awaited.

    Belongs to the event loop in which it is made. Not thread-safe.

    Example:
        async with attune.AsyncClient("localhost:50051") as client:
            prompt = await client.get_prompt(history, candidates)
            async for decision in client.read_decisions(): ...
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        control_target: str = DEFAULT_CONTROL_TARGET,
        *,
        deadline: float = 2.0,
        control_deadline: float = 30.0,
        log_deadline: float = 120.0,
        retry: RetryOptions = RetryOptions(),  # noqa: B008 (immutable)
        tls: TlsOptions = TlsOptions(),  # noqa: B008 (immutable)
        last_known_good: int = 0,
    ) -> None:
        self._settings = _Settings(deadline, control_deadline, log_deadline, retry, last_known_good)
        self._data = AsyncTransport(target, tls)
        self._control = AsyncTransport(control_target, tls)

    async def close(self) -> None:
        """As `Client.close`."""
        await self._data.close()
        await self._control.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def get_prompt(
        self,
        history: Sequence[ItemLike],
        candidates: Sequence[ItemLike],
        *,
        user_id: str = "",
        policy: str = "",
        revision: str = "",
        previous: Optional[Previous] = None,
        mode: Optional[Mode] = None,
        readout: Optional[Readout] = None,
        seed: Optional[int] = None,
        own_choice: Optional[Mapping[str, str]] = None,
        fallback: Optional[Fallback] = None,
    ) -> Prompt:
        """As `Client.get_prompt`."""
        request = PromptRequest(
            history, candidates, user_id, policy, revision, previous, mode, readout, seed,
            own_choice or {},
        )  # fmt: skip
        return await self._data.run(
            _core.get_prompt(self._settings.prompts, request, self._settings.known, fallback)
        )

    async def get_prompts(
        self, requests: Sequence[PromptRequestLike]
    ) -> list[Union[Prompt, AttuneError]]:
        """As `Client.get_prompts`."""
        return await self._data.run(_core.get_prompts(self._settings.prompts, requests))

    async def preview_prompt(
        self,
        history: Sequence[ItemLike],
        candidates: Sequence[ItemLike],
        *,
        choice: Optional[Mapping[str, str]] = None,
        revision: str = "",
        readout: Optional[Readout] = None,
        seed: int = 0,
    ) -> Prompt:
        """As `Client.preview_prompt`."""
        request = _convert.preview_to_proto(
            history, candidates, choice or {}, revision, readout, seed
        )
        return await self._data.run(_core.preview_prompt(self._settings.prompts, request))

    async def record_feedback(
        self,
        prompt: Union[Prompt, bytes],
        *,
        reward: Optional[float] = None,
        ranking: Optional[Sequence[str]] = None,
        relevant: Sequence[str] = (),
        request_id: str = "",
    ) -> Feedback:
        """As `Client.record_feedback`."""
        return await self._data.run(
            _core.record_feedback(
                self._settings.prompts, prompt, reward, ranking, relevant, request_id
            )
        )

    async def list_revisions(self) -> list[Revision]:
        """As `Client.list_revisions`."""
        return await self._control.run(_core.list_revisions(self._settings.policies))

    async def get_revision(self, revision_id: str) -> Revision:
        """As `Client.get_revision`."""
        return await self._control.run(_core.get_revision(self._settings.policies, revision_id))

    async def get_traffic(self) -> Traffic:
        """As `Client.get_traffic`."""
        return await self._control.run(_core.get_traffic(self._settings.policies))

    async def set_traffic(self, traffic: Traffic, reason: str = "") -> Traffic:
        """As `Client.set_traffic`."""
        return await self._control.run(_core.set_traffic(self._settings.policies, traffic, reason))

    async def push_revision(
        self,
        artifact: Artifact,
        *,
        activate: bool = False,
        signature: Optional[bytes] = None,
        chunk_bytes: int = 512 * 1024,
        timeout: float = 300.0,
        max_stalled_streams: int = 5,
        on_progress: Optional[Progress] = None,
    ) -> PushResult:
        """As `Client.push_revision`."""
        data, signature = _read_artifact(artifact, signature)
        options = _core.PushOptions(
            activate, signature, chunk_bytes, timeout, max_stalled_streams, on_progress
        )
        return await self._control.run(_core.push_revision(self._settings.policies, data, options))

    async def rollback(self, reason: str = "") -> Traffic:
        """As `Client.rollback`."""
        return await self._control.run(_core.rollback(self._settings.policies, reason))

    async def delete_revision(self, revision_id: str, reason: str = "") -> None:
        """As `Client.delete_revision`."""
        await self._control.run(_core.delete_revision(self._settings.policies, revision_id, reason))

    async def read_decisions(
        self, *, only_with_feedback: bool = False
    ) -> AsyncIterator[LoggedDecision]:
        """As `Client.read_decisions`, for ``async for``."""
        token = ""
        while True:
            page = await self._control.run(
                _core.list_decisions(self._settings.logs, only_with_feedback, token)
            )
            _warn_of_damage(page)
            for decision in page.decisions:
                yield decision
            token = page.next_page_token
            if not token:
                return

    async def forget_user(self, user_id: str) -> Forgotten:
        """As `Client.forget_user`."""
        return await self._control.run(_core.forget_user(self._settings.logs, user_id))


def _read_artifact(artifact: Artifact, signature: Optional[bytes]) -> tuple[bytes, Optional[bytes]]:
    if isinstance(artifact, bytes):
        return artifact, signature
    beside = Path(f"{artifact}.sig")
    if signature is None and beside.exists():
        signature = beside.read_bytes()
    return Path(artifact).read_bytes(), signature


def _warn_of_damage(page: DecisionPage) -> None:
    if page.damaged_records:
        warnings.warn(
            f"{page.damaged_records} damaged records were left out of the decision log",
            DamagedRecordsWarning,
            stacklevel=3,
        )
