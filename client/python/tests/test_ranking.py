# SPDX-License-Identifier: Apache-2.0
"""The ranking parser: the same results as policy/ranking.h."""

import json
import math

import pytest
from conftest import ROOT

import attune
from attune.sanitizer import sanitize_title

VECTORS = json.loads((ROOT / "tests/policy/ranking_vectors.json").read_text())


def contract(titles):
    """The ids are the positions."""
    ids = tuple(str(i) for i in range(len(titles)))
    return attune.AnswerContract(displayed_item_ids=ids, displayed_titles=tuple(titles))


@pytest.mark.parametrize("vector", VECTORS["parse"], ids=lambda v: ascii(v["answer"])[:30])
def test_answers_are_read_as_written(vector):
    for answer in (vector["answer"], vector["answer"].encode()):
        ranked = attune.parse_ranking(contract(vector["titles"]), answer)
        assert [int(i) for i in ranked.item_ids] == vector["ranking"]
        assert ranked.status.value == vector["status"]


def test_scores_rank_as_written():
    for vector in VECTORS["scores"]:
        titles = ["x"] * len(vector["scores"])
        ranked = attune.rank_by_scores(contract(titles), vector["scores"])
        assert [int(i) for i in ranked.item_ids] == vector["ranking"]


def test_titles_are_sanitized_as_written():
    for vector in VECTORS["titles"]:
        clean = sanitize_title(vector["title"])
        assert clean == vector["sanitized"]
        assert sanitize_title(clean) == clean


def test_labels_add_up_tokens_that_differ_in_white_space():
    tokens = {"A": math.log(0.3), "B": math.log(0.2), " B": math.log(0.2), "x": math.log(0.3)}
    ranked = attune.rank_by_labels(contract(["a", "b", "c", "d"]), tokens)
    assert ranked.item_ids == ("1", "0", "2", "3")
    with pytest.raises(attune.InvalidArgumentError, match="no label"):
        attune.rank_by_labels(contract(["a", "b"]), {"C": -1.0})
    with pytest.raises(attune.InvalidArgumentError, match="no label"):
        attune.rank_by_labels(contract(["a", "b"]), {})


def test_likelihood_subtracts_the_prior():
    answer = contract(["a", "b", "c"])
    assert attune.rank_by_likelihood(answer, [-1, -2, -3]).item_ids == ("0", "1", "2")
    ranked = attune.rank_by_likelihood(answer, [-1, -2, -3], [-1, -4, -4])
    assert ranked.item_ids == ("1", "2", "0")
    with pytest.raises(attune.InvalidArgumentError, match="prior_logprobs: 2 for 3"):
        attune.rank_by_likelihood(answer, [-1, -2, -3], [-1, -4])


def test_bad_scores_and_contracts_are_refused():
    with pytest.raises(attune.InvalidArgumentError, match="scores: 1 for 2 candidates"):
        attune.rank_by_scores(contract(["a", "b"]), [1.0])
    with pytest.raises(attune.InvalidArgumentError, match=r"scores\[1\]: not a number"):
        attune.rank_by_scores(contract(["a", "b"]), [1.0, math.nan])
    with pytest.raises(attune.InvalidArgumentError, match="1 to 26"):
        attune.parse_ranking(attune.AnswerContract(), "A")
    torn = attune.AnswerContract(displayed_item_ids=("1", "2"), displayed_titles=("a",))
    with pytest.raises(attune.InvalidArgumentError, match="displayed_titles"):
        attune.parse_ranking(torn, "A")
