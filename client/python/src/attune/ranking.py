# SPDX-License-Identifier: Apache-2.0
"""Reads the LLM's ranking from its answer, by the prompt's answer contract.

`parse_ranking` for the readout ``generate``, `rank_by_labels` for ``labels``,
`rank_by_likelihood` for ``likelihood``. Pure functions with the same results as the
server's and the trainer's policy/ranking.h.
"""

from __future__ import annotations

import ctypes
import enum
import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional, Union

from attune.errors import InvalidArgumentError
from attune.sanitizer import sanitize
from attune.types import AnswerContract, Prompt

MAX_CANDIDATES = 26

_LINES = re.compile("[\r\n]+")
_BETWEEN_LABELS = re.compile("[,>;| \t]+")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

Contract = Union[Prompt, AnswerContract]


class ParseStatus(enum.Enum):
    """How well an answer could be read. Count it; it is never silently repaired."""

    COMPLETE = "complete"
    """Every candidate exactly once, and nothing else that looks like one."""
    PARTIAL = "partial"
    """Some missing (appended in displayed order), repeated (the first counts) or unknown."""
    FAILED = "failed"
    """No candidate recognised: the displayed order stands."""


@dataclass(frozen=True)
class RankedItems:
    """All candidates, best first, and how well the answer could be read."""

    item_ids: tuple[str, ...]
    status: ParseStatus = ParseStatus.COMPLETE


def parse_ranking(prompt: Contract, answer: Union[str, bytes]) -> RankedItems:
    """Reads the LLM's text answer to a ``generate`` prompt.

    Lines or comma-separated labels first, exact titles (sanitized, case-insensitive)
    second. Missing candidates follow in displayed order, and the status says so.

    Raises InvalidArgumentError if the answer contract is empty or its lists differ in
    length.
    """
    contract = _sound(prompt)
    if isinstance(answer, bytes):
        answer = answer.decode("utf-8", "surrogateescape")
    collector = _Collector(contract.displayed_titles)
    for line in _LINES.split(answer):
        line = line.strip(" \t")
        if line:
            _read_line(line, collector)
    positions, status = collector.finish()
    return _to_items(contract, positions, status)


def rank_by_scores(prompt: Contract, displayed_scores: Sequence[float]) -> RankedItems:
    """Ranks by one score per displayed candidate, larger is better; ties keep the order.

    Scores are compared as 32-bit floats, as everywhere in Attune.

    Raises InvalidArgumentError as `parse_ranking`, if the number of scores is another, or
    if one is not a number.
    """
    contract = _sound(prompt)
    count = len(contract.displayed_item_ids)
    if len(displayed_scores) != count:
        raise InvalidArgumentError(f"scores: {len(displayed_scores)} for {count} candidates")
    scores = [ctypes.c_float(score).value for score in displayed_scores]
    for i, score in enumerate(scores):
        if math.isnan(score):
            raise InvalidArgumentError(f"scores[{i}]: not a number")
    order = sorted(range(count), key=lambda i: -scores[i])
    return _to_items(contract, order, ParseStatus.COMPLETE)


def rank_by_labels(prompt: Contract, top_logprobs: Mapping[str, float]) -> RankedItems:
    """Ranks by the next token's log-probabilities, for the readout ``labels``.

    `top_logprobs` maps tokens to natural log-probabilities (at most 0): ``top_logprobs``
    of the first generated token of a chat completion. Tokens that are a label but for
    white space count for it, added up; labels that are not among the tokens come last,
    in displayed order.

    Raises InvalidArgumentError as `rank_by_scores`, or if no label is among the tokens.
    """
    contract = _sound(prompt)
    labels = [chr(ord("A") + i) for i in range(len(contract.displayed_item_ids))]
    shares: dict[str, list[float]] = {}
    for token, logprob in top_logprobs.items():
        shares.setdefault(token.strip(" \t\n\v\f\r"), []).append(logprob)
    if not any(label in shares for label in labels):
        raise InvalidArgumentError("top_logprobs: no label is among the tokens")
    last = min(top_logprobs.values()) - 1
    return rank_by_scores(
        contract, [_log_sum(shares[label]) if label in shares else last for label in labels]
    )


def rank_by_likelihood(
    prompt: Contract,
    logprobs: Sequence[float],
    prior_logprobs: Optional[Sequence[float]] = None,
) -> RankedItems:
    """Ranks by log p(title | prompt) - log p(title | prior), for the readout ``likelihood``.

    Both lists have one natural log-probability per entry of ``answer.displayed_titles``:
    of the title after the chat messages, and after ``answer.prior_prefix``. Without the
    second, titles that are common in general have an advantage.

    Raises InvalidArgumentError as `rank_by_scores`.
    """
    if prior_logprobs is None:
        return rank_by_scores(prompt, logprobs)
    if len(prior_logprobs) != len(logprobs):
        raise InvalidArgumentError(
            f"prior_logprobs: {len(prior_logprobs)} for {len(logprobs)} candidates"
        )
    return rank_by_scores(prompt, [a - b for a, b in zip(logprobs, prior_logprobs)])


def _sound(prompt: Contract) -> AnswerContract:
    contract = prompt.answer if isinstance(prompt, Prompt) else prompt
    count = len(contract.displayed_item_ids)
    if not 1 <= count <= MAX_CANDIDATES:
        raise InvalidArgumentError(
            f"prompt.answer.displayed_item_ids: must have 1 to {MAX_CANDIDATES} entries"
        )
    if len(contract.displayed_titles) != count:
        raise InvalidArgumentError(
            "prompt.answer.displayed_titles: must be as many as the item ids"
        )
    return contract


def _to_items(
    contract: AnswerContract, positions: Sequence[int], status: ParseStatus
) -> RankedItems:
    return RankedItems(tuple(contract.displayed_item_ids[p] for p in positions), status)


def _log_sum(logs: Sequence[float]) -> float:
    most = max(logs)
    return most if math.isinf(most) else most + math.log(sum(math.exp(x - most) for x in logs))


def _fold(title: str) -> str:
    return sanitize(title).translate(_LOWER).strip(" .,;:*\"'`")


class _Collector:
    """Collects displayed positions in the order in which an answer names them."""

    def __init__(self, titles: Sequence[str]) -> None:
        self.folded = [_fold(title) for title in titles]
        self._order: list[int] = []
        self._seen: set[int] = set()
        self._clean = True

    def displayed(self, position: int) -> bool:
        return 0 <= position < len(self.folded)

    def add(self, position: int) -> None:
        if not self.displayed(position) or position in self._seen:
            self._clean = False
            return
        self._seen.add(position)
        self._order.append(position)

    def add_unknown(self) -> None:
        self._clean = False

    def title_position(self, text: str) -> int:
        """Of equal titles the first that was not named yet; -1 if it is none."""
        key = _fold(text)
        same = [i for i, title in enumerate(self.folded) if key and title == key]
        unseen = [i for i in same if i not in self._seen]
        return (unseen or same or [-1])[0]

    def finish(self) -> tuple[list[int], ParseStatus]:
        size, recognised = len(self.folded), len(self._order)
        if recognised == 0:
            status = ParseStatus.FAILED
        elif recognised == size and self._clean:
            status = ParseStatus.COMPLETE
        else:
            status = ParseStatus.PARTIAL
        return self._order + [i for i in range(size) if i not in self._seen], status


def _bare_label(piece: str) -> Optional[int]:
    """Position of a piece that is nothing but a label: "B", "(b)", "B.", "[B]"."""
    piece = piece.strip(" \t.:)]([*\"'`")
    if len(piece) != 1 or piece not in string.ascii_letters:
        return None
    return ord(piece.upper()) - ord("A")


def _label_list(line: str) -> list[int]:
    """Positions of a line that is nothing but labels: "C, A, B", "C > A > B"."""
    positions = []
    for piece in filter(None, _BETWEEN_LABELS.split(line)):
        position = _bare_label(piece)
        if position is None:
            return []
        positions.append(position)
    return positions


def _strip_bullet(line: str) -> tuple[str, bool]:
    """Strips "1.", "2)", "-", "*" from the front; says whether there was one."""
    rest = line.lstrip(string.digits)
    if len(rest) < len(line) and rest[:1] in (".", ")"):
        return rest[1:].strip(" \t"), True
    if line[:2] in ("- ", "* "):
        return line[2:].strip(" \t"), True
    return line, False


def _leading_label(line: str) -> Optional[int]:
    """Label of a line such as "B. Heat" or "B) Heat". "A Bug's Life" has none."""
    line = line[1:] if line[:1] == "(" else line
    if len(line) < 2 or line[0] not in string.ascii_uppercase or line[1] not in ".):":
        return None
    # "M.A.S.H." starts with an initial, not with a label.
    if len(line) > 2 and line[1] == "." and line[2] != " ":
        return None
    return ord(line[0]) - ord("A")


def _read_labelled(label: int, rest: str, collector: _Collector) -> bool:
    """Reads "B. Heat" if Heat is a title: the label counts, a wrong title is no clean answer."""
    title = collector.title_position(rest)
    if title < 0:
        return False
    displayed = collector.displayed(label)
    collector.add(label if displayed else title)
    if not displayed or collector.folded[label] != collector.folded[title]:
        collector.add_unknown()
    return True


def _read_line(line: str, collector: _Collector) -> None:
    title = collector.title_position(line)
    line, bullet = _strip_bullet(line)
    if title < 0:
        title = collector.title_position(line)
    label = _leading_label(line)
    if label is not None:
        rest = re.split("[.):]", line, maxsplit=1)[1]
        if _read_labelled(label, rest, collector):
            return
    labels = _label_list(line)
    if labels and (title < 0 or all(map(collector.displayed, labels))):
        for position in labels:
            collector.add(position)
    elif title >= 0:
        # Before a leading label, so that "A. I." is the film and not candidate A.
        collector.add(title)
    elif label is not None:
        collector.add(label)
    elif bullet:
        collector.add_unknown()
