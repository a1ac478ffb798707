# SPDX-License-Identifier: Apache-2.0
"""The values of the data and the control plane. All are immutable."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from attune.errors import AttuneError


class Mode(enum.Enum):
    """How the options of a decision are taken. Values are those of the wire."""

    SAMPLE = 1
    """Draws from the probabilities, which keep the revision's exploration floor."""
    GREEDY = 2
    """Takes the most probable option of each pattern."""
    APPRENTICE = 3
    """Takes the caller's own choice; the agents watch and learn."""


class Readout(enum.Enum):
    """How a ranking is read from the LLM. Values are those of the wire."""

    GENERATE = 1
    """A chat completion lists labels or titles, best first."""
    LABELS = 2
    """The next token's log-probabilities of the candidates' labels."""
    LIKELIHOOD = 3
    """Each title's log-probability after the prompt, minus that after the prior prefix."""


@dataclass(frozen=True)
class Item:
    """Something that can be recommended. Strings are sanitized before they are rendered.

    Attributes:
        item_id: 1 to 256 bytes; need not be in the revision's item table.
        title: The name that the LLM reads. 1 to 2,048 bytes, cut to 200 code points.
        genres: Most specific first. At most 16 of at most 64 bytes each.
        weight: How strongly the user interacted (a rating, a play count). Finite, at
            least 0, no unit; 0 means unknown.
        interact_time: When the interaction took place; naive times are UTC. None means
            unknown.
    """

    item_id: str
    title: str
    genres: Sequence[str] = ()
    weight: float = 0.0
    interact_time: Optional[datetime.datetime] = None


ItemLike = Union[Item, Mapping[str, Any]]
"""An Item, or a dict with its fields; `item_id` and `title` are required."""


@dataclass(frozen=True)
class Previous:
    """A decision and the ranking it led to, for the next iteration on the same candidates.

    Attributes:
        decision_token: `Prompt.decision_token`.
        ranked_item_ids: Best first. 1 to all of the candidates; distinct.
    """

    decision_token: bytes
    ranked_item_ids: Sequence[str]


@dataclass(frozen=True)
class PromptRequest:
    """What `get_prompt` takes, for `get_prompts`.

    Attributes:
        history: What the user interacted with, oldest first. 1 to 1,000 items with
            distinct ids.
        candidates: What the LLM shall rank. 2 to 26 items with distinct ids.
        user_id: Pseudonym of the user, for sticky traffic. At most 128 bytes.
        policy: Empty means the server's only policy.
        revision: Empty means the one that serves this user.
        previous: The decision that this one refines.
        mode: None means SAMPLE.
        readout: None means the revision's own.
        seed: Of the sampling and the displayed order. In [0, 2**64); None means random.
        own_choice: The caller's own prompt in the catalog's words, pattern to option id.
            Read in mode APPRENTICE only, so it can always be sent.
    """

    history: Sequence[ItemLike]
    candidates: Sequence[ItemLike]
    user_id: str = ""
    policy: str = ""
    revision: str = ""
    previous: Optional[Previous] = None
    mode: Optional[Mode] = None
    readout: Optional[Readout] = None
    seed: Optional[int] = None
    own_choice: Mapping[str, str] = field(default_factory=dict)


PromptRequestLike = Union[PromptRequest, Mapping[str, Any]]
"""A PromptRequest, or a dict with its fields."""


@dataclass(frozen=True)
class Message:
    """One chat message: `role` is "system", "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True)
class ChosenOption:
    """What one agent chose for its pattern, and the probability of that. In (0, 1]."""

    pattern: str
    option_id: str
    probability: float = 1.0


@dataclass(frozen=True)
class AnswerContract:
    """How the LLM is to answer. The lists are parallel, in displayed order.

    Attributes:
        readout: What the prompt was rendered for.
        labels: "A", "B", ...
        displayed_item_ids: The candidates.
        displayed_titles: Their rendered titles; for LIKELIHOOD what is to be scored.
        prior_prefix: Neutral text whose continuation is the prior; for LIKELIHOOD only.
    """

    readout: Readout = Readout.GENERATE
    labels: tuple[str, ...] = ()
    displayed_item_ids: tuple[str, ...] = ()
    displayed_titles: tuple[str, ...] = ()
    prior_prefix: str = ""


@dataclass(frozen=True)
class Prompt:
    """The prompt and everything needed to use it, judge it and learn from it.

    Attributes:
        decision_id: Empty for previews and fallbacks, as the token.
        decision_token: Opaque. Proves the decision in a later call.
        revision: Id of the revision that answered. Empty for a caller's fallback.
        messages: For the LLM. An assistant message is the beginning of the answer.
        choice: In catalog order.
        history_length: Number of history items that the prompt shows.
        answer: How the LLM shall answer.
        expire_time: When the token stops being accepted; None without one.
        is_fallback: The server could not be asked: this is the last known good prompt of
            the same request, or the caller's own.
        fallback_reason: Why it could not be asked.
    """

    messages: tuple[Message, ...]
    answer: AnswerContract
    decision_id: str = ""
    decision_token: bytes = b""
    revision: str = ""
    choice: tuple[ChosenOption, ...] = ()
    history_length: int = 0
    expire_time: Optional[datetime.datetime] = None
    is_fallback: bool = False
    fallback_reason: Optional[AttuneError] = None

    def chat_messages(self) -> list[dict[str, str]]:
        """The messages as chat completion APIs take them."""
        return [{"role": m.role, "content": m.text} for m in self.messages]


@dataclass(frozen=True)
class Feedback:
    """What is recorded of a decision.

    Attributes:
        decision_id: The decision.
        reward: The first feedback's. In [0, 1].
        duplicate: Another call had recorded feedback before; this one changed nothing.
    """

    decision_id: str
    reward: float
    duplicate: bool


class RevisionState(enum.Enum):
    """Life cycle of a revision. Values are those of the wire."""

    UNSPECIFIED = 0
    """Not known to this client."""
    READY = 1
    """Stored and verified; serves nobody unless a request names it."""
    ACTIVE = 2
    """Serves everyone but the canary's share."""
    CANARY = 3
    """On trial: serves a share of users."""
    SHADOW = 4
    """Decides on copies of requests and answers nobody."""


@dataclass(frozen=True)
class Revision:
    """An immutable trained artifact, as the server knows it.

    Attributes:
        revision_id: First 16 hexadecimal digits of the artifact's SHA-256.
        digest: All 64.
        state: Its place in the life cycle.
        byte_size: Of the artifact.
        push_time: When the server accepted it.
        policy: Name of the policy.
        parent_revision: What it was trained from; empty for a first one.
    """

    revision_id: str
    digest: str
    state: RevisionState
    byte_size: int
    push_time: Optional[datetime.datetime]
    policy: str
    parent_revision: str


@dataclass(frozen=True)
class Canary:
    """A revision on trial, and its share of users. In [0, 1]."""

    revision: str
    share: float


@dataclass(frozen=True)
class Traffic:
    """Which revisions serve whom. What is not set is not in traffic.

    Attributes:
        active: Serves everyone not in the canary's share.
        canary: On trial.
        shadow: Decides on copies of requests, for the decision log.
    """

    active: str
    canary: Optional[Canary] = None
    shadow: str = ""


@dataclass(frozen=True)
class PushResult:
    """The stored revision, and whether the server had it already."""

    revision: Revision
    already_stored: bool


@dataclass(frozen=True)
class Forgotten:
    """Decisions and feedback that were erased. At least 0."""

    decisions: int
    feedback: int
