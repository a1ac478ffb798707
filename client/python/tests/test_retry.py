# SPDX-License-Identifier: Apache-2.0
"""When a call is tried again, and how long it waits: without a clock or a connection."""

import pytest

import attune
from attune import _core


def drive(call, outcomes):
    """Sends `outcomes` to a call's operations; returns its sleeps and what it ended with."""
    sleeps, timeouts, outcomes = [], [], list(outcomes)
    op = next(call)
    try:
        while True:
            if isinstance(op, _core.Sleep):
                sleeps.append(op.seconds)
                op = call.send(None)
                continue
            timeouts.append(op.timeout)
            outcome = outcomes.pop(0)
            op = call.throw(outcome) if isinstance(outcome, Exception) else call.send(outcome)
    except StopIteration as end:
        return sleeps, timeouts, end.value
    except attune.AttuneError as error:
        return sleeps, timeouts, error


def settings(deadline=10.0, now=lambda: 0.0, **retry):
    """Without jitter unless it is asked for."""
    retry.setdefault("jitter", 0.0)
    return _core.Settings(deadline, attune.RetryOptions(**retry), now, lambda: 0.5)


def call(of):
    """Any unary one."""
    return _core.unary(of, "/m", "request", None)


AWAY = attune.UnavailableError("away")


def test_waits_grow_and_end_with_the_attempts():
    sleeps, _, end = drive(call(settings()), [AWAY] * 4)
    assert sleeps == [0.05, 0.1, 0.2]
    assert end is AWAY
    assert drive(call(settings(max_attempts=1)), [AWAY]) == ([], [10.0], AWAY)


def test_jitter_shortens_a_wait_and_max_backoff_bounds_it():
    sleeps, _, end = drive(call(settings(jitter=0.5)), [AWAY, "answer"])
    assert (sleeps, end) == ([pytest.approx(0.0375)], "answer")
    sleeps, _, _ = drive(call(settings(max_backoff=0.07)), [AWAY] * 4)
    assert sleeps == [0.05, 0.07, 0.07]


def test_pushback_takes_the_place_of_the_backoff():
    busy = attune.ResourceExhaustedError("busy", retry_after=0.7)
    assert drive(call(settings()), [busy, "answer"])[::2] == ([0.7], "answer")


@pytest.mark.parametrize(
    "error",
    [
        attune.ResourceExhaustedError("no word of when"),
        attune.DeadlineExceededError("late"),
        attune.InvalidArgumentError("wrong"),
        attune.InternalError("fault"),
        attune.AbortedError("rival"),
    ],
)
def test_nothing_else_is_tried_again(error):
    assert drive(call(settings()), [error])[::2] == ([], error)


def test_no_wait_passes_the_deadline_and_attempts_share_it():
    now = iter([0.0, 0.0, 0.04, 0.09, 0.15]).__next__
    sleeps, timeouts, end = drive(call(settings(deadline=0.2, now=now)), [AWAY, AWAY])
    assert sleeps == [0.05]
    assert timeouts == [pytest.approx(0.2), pytest.approx(0.11)]
    assert end is AWAY


def test_rollback_is_never_tried_again():
    assert drive(_core.rollback(settings(), ""), [AWAY])[::2] == ([], AWAY)


@pytest.mark.parametrize(
    "options",
    [{"max_attempts": 0}, {"multiplier": 0.5}, {"jitter": 1.5}, {"initial_backoff": -1}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(attune.InvalidArgumentError, match=r"^INVALID_ARGUMENT: retry"):
        attune.RetryOptions(**options)


def test_a_deadline_of_zero_is_refused():
    with pytest.raises(ValueError, match="deadline"):
        attune.Client(deadline=0)
