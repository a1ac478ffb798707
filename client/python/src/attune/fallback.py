# SPDX-License-Identifier: Apache-2.0
"""What a caller has when the server cannot be asked."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Callable, Optional, Union

from attune import _convert
from attune.errors import AttuneError, InvalidArgumentError
from attune.sanitizer import sanitize_title
from attune.types import AnswerContract, ItemLike, Message, Prompt
from attune.v1.prompt_service_pb2 import GetPromptRequest

_PLAIN_HISTORY = 10

Fallback = Union[Prompt, Callable[[], Prompt]]
"""A prompt, or what makes one when it is needed."""


def plain_prompt(history: Sequence[ItemLike], candidates: Sequence[ItemLike]) -> Prompt:
    """A plain ``generate`` prompt made without a server: a caller's fallback.

    Shows the newest ten history items and the candidates in the caller's order; the same
    text as the C++ SDK's.

    Raises InvalidArgumentError if the history is empty or the number of candidates is not
    in [2, 26].
    """
    if not history:
        raise InvalidArgumentError("history: must have at least 1 item")
    if not 2 <= len(candidates) <= 26:
        raise InvalidArgumentError("candidates: must have 2 to 26 items")
    shown = [_convert.to_item(item, "history") for item in history[-_PLAIN_HISTORY:]]
    ranked = [_convert.to_item(item, "candidates") for item in candidates]
    titles = tuple(sanitize_title(item.title) for item in ranked)
    labels = tuple(chr(ord("A") + i) for i in range(len(titles)))
    lines = ["I enjoyed these, oldest first:"]
    lines += [f"- {sanitize_title(item.title)}" for item in shown]
    lines += ["", "Rank these by how much I would enjoy them:"]
    lines += [f"{label}. {title}" for label, title in zip(labels, titles)]
    lines += [
        "",
        "Answer with all the letters, best first, separated by commas, and nothing else.",
    ]
    return Prompt(
        messages=(Message("user", "\n".join(lines)),),
        answer=AnswerContract(
            labels=labels,
            displayed_item_ids=tuple(item.item_id for item in ranked),
            displayed_titles=titles,
        ),
        history_length=len(shown),
    )


class LastKnownGood:
    """The newest prompt of each of the last `size` different requests. Thread-safe.

    A request is known again if everything but its seed is equal: a user who comes back,
    with the same history and candidates. Nothing is kept if `size` is 0.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._prompts: OrderedDict[bytes, Prompt] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, request: GetPromptRequest, prompt: Prompt) -> None:
        """Remembers an answer of the server."""
        if self._size <= 0:
            return
        key = _key(request)
        with self._lock:
            self._prompts[key] = prompt
            self._prompts.move_to_end(key)
            if len(self._prompts) > self._size:
                self._prompts.popitem(last=False)

    def find(self, request: GetPromptRequest) -> Optional[Prompt]:
        """The prompt without its decision: it was another one."""
        if self._size <= 0:
            return None
        with self._lock:
            prompt = self._prompts.get(_key(request))
        if prompt is None:
            return None
        return dataclasses.replace(prompt, decision_id="", decision_token=b"", expire_time=None)


def choose(
    known: Optional[Prompt], fallback: Optional[Fallback], reason: AttuneError
) -> Optional[Prompt]:
    """The last known good prompt, else the caller's, marked as a fallback; None if neither."""
    prompt = known
    if prompt is None:
        prompt = fallback() if callable(fallback) else fallback
    if prompt is None:
        return None
    return dataclasses.replace(prompt, is_fallback=True, fallback_reason=reason)


def _key(request: GetPromptRequest) -> bytes:
    same = GetPromptRequest()
    same.CopyFrom(request)
    same.ClearField("seed")
    return hashlib.sha256(same.SerializeToString(deterministic=True)).digest()
