# SPDX-License-Identifier: Apache-2.0
"""Turns a stranger's string into something that may stand inside a prompt.

The same results as the server's policy/sanitizer.h; tests hold both to
tests/policy/ranking_vectors.json.
"""

from __future__ import annotations

import string

MAX_TITLE_CODE_POINTS = 200

_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)

_ARTICLES = frozenset((
    "The", "A", "An", "Le", "La", "Les", "L'", "Un", "Une", "Il", "Lo", "Gli", "I", "Uno",
    "Una", "El", "Los", "Las", "Der", "Die", "Das", "Ein",
))  # fmt: skip
_INVISIBLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB),
    (0xE0000, 0xE0FFF),
)  # fmt: skip
_SPACES = ((0, 0x20), (0x7F, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
           (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000))  # fmt: skip
_MARKERS = frozenset(("<|", "</", "|>", "##", "``", "[["))


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


def sanitize(text: str, max_code_points: int = MAX_TITLE_CODE_POINTS) -> str:
    """Removes what could change the meaning of the text around it.

    Controls, line breaks, bidi and zero-width characters are dropped or become a space;
    chat markers are broken up; white space is collapsed and trimmed; at most
    `max_code_points` are kept. Surrogates become U+FFFD. Idempotent.
    """
    kept: list[str] = []
    previous, space = "", False
    for char in text:
        if len(kept) >= max_code_points:
            break
        code = ord(char)
        if 0xD800 <= code <= 0xDFFF:
            char, code = "\ufffd", 0xFFFD
        if _within(code, _INVISIBLE) or code & 0xFFFE == 0xFFFE:
            continue
        if _within(code, _SPACES):
            space = bool(kept)
            continue
        # The character that would complete a marker is dropped.
        if not space and (previous + char in _MARKERS or (char == "]" and _ends_in_tag(kept))):
            continue
        if space:
            if len(kept) + 2 > max_code_points:
                break
            kept.append(" ")
            space = False
        kept.append(char)
        previous = char
    return "".join(kept)


def _ends_in_tag(kept: list[str]) -> bool:
    return "".join(kept[-6:]).translate(_UPPER).endswith(("[INST", "[/INST"))


def sanitize_title(title: str) -> str:
    """Sanitizes, and writes "Heat, The (1995)" as "The Heat (1995)". "?" if nothing is left."""
    clean = sanitize(title)
    while True:
        moved = _move_article(clean)
        if moved is None:
            return clean or "?"
        clean = moved


def _move_article(title: str) -> str | None:
    body, _, _ = title.partition(" (")
    name, comma, article = body.rpartition(", ")
    if not comma or not name or article not in _ARTICLES:
        return None
    space = "" if article.endswith("'") else " "
    return article + space + name.rstrip(" ") + title[len(body) :]
