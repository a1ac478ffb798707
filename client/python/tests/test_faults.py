# SPDX-License-Identifier: Apache-2.0
"""Both clients against a server that fails as told."""

import asyncio
import os
import socket
import time

import grpc
import pytest
from conftest import CANDIDATES, HISTORY, QUICK
from fake_server import Fault

import attune
from attune import _transport

AWAY = grpc.StatusCode.UNAVAILABLE
PUSHBACK = "grpc-retry-pushback-ms"


def test_unavailable_is_tried_again_until_it_succeeds(connect, fake):
    fake.faults = [Fault(AWAY)] * 3
    prompt = connect(fake, retry=QUICK).get_prompt(HISTORY, CANDIDATES)
    assert fake.names() == ["GetPrompt"] * 4
    assert not prompt.is_fallback
    assert prompt.chat_messages() == [{"role": "user", "content": "Rank them"}]
    assert attune.parse_ranking(prompt, "B, C, A").item_ids == ("71", "219", "95")


def test_an_error_has_code_reason_and_fields(connect, fake):
    fake.faults = [Fault(grpc.StatusCode.INVALID_ARGUMENT, "bad request", "FIELD_OUT_OF_RANGE")]
    with pytest.raises(attune.InvalidArgumentError) as caught:
        connect(fake).get_prompt([], CANDIDATES)
    error = caught.value
    assert error.code == "INVALID_ARGUMENT"
    assert error.reason == "FIELD_OUT_OF_RANGE"
    assert error.domain == "attune.test"
    assert error.violations == (attune.FieldViolation("history", "0 items, at least 1"),)
    assert str(error) == (
        "INVALID_ARGUMENT: bad request; history: 0 items, at least 1 [FIELD_OUT_OF_RANGE]"
    )
    assert fake.names() == ["GetPrompt"]


def test_overload_is_tried_again_when_the_server_says_when(connect, fake):
    busy = grpc.StatusCode.RESOURCE_EXHAUSTED
    fake.faults = [Fault(busy, trailers=[(PUSHBACK, "60")])]
    begun = time.monotonic()
    connect(fake).get_prompt(HISTORY, CANDIDATES)
    assert time.monotonic() - begun >= 0.06
    assert len(fake.calls) == 2
    refused = [Fault(busy), Fault(busy, trailers=[(PUSHBACK, "-1")])]
    refused += [Fault(busy, trailers=[(PUSHBACK, "soon")])]
    refused += [Fault(grpc.StatusCode.INTERNAL, trailers=[(PUSHBACK, "1")])]
    for fault in refused:
        fake.faults, fake.calls = [fault], []
        with pytest.raises((attune.ResourceExhaustedError, attune.InternalError)):
            connect(fake).get_prompt(HISTORY, CANDIDATES)
        assert len(fake.calls) == 1


def test_a_call_ends_by_its_deadline(connect, fake):
    fake.hold.clear()
    begun = time.monotonic()
    with pytest.raises(attune.DeadlineExceededError):
        connect(fake, deadline=0.2).get_prompt(HISTORY, CANDIDATES)
    assert 0.2 <= time.monotonic() - begun < 10


def test_a_fallback_serves_when_the_server_does_not(connect, fake):
    client = connect(fake, retry=attune.RetryOptions(max_attempts=1))
    plain = attune.plain_prompt(HISTORY, CANDIDATES)
    for fallback in (plain, lambda: plain):
        fake.faults = [Fault(AWAY, "away")]
        prompt = client.get_prompt(HISTORY, CANDIDATES, fallback=fallback)
        assert prompt.is_fallback
        assert isinstance(prompt.fallback_reason, attune.UnavailableError)
        assert prompt.messages == plain.messages
        with pytest.raises(ValueError, match="no decision"):
            client.record_feedback(prompt, reward=1.0)


def test_a_fallback_does_not_hide_a_mistake(connect, fake):
    plain = attune.plain_prompt(HISTORY, CANDIDATES)
    fake.faults = [Fault(grpc.StatusCode.INVALID_ARGUMENT)]
    with pytest.raises(attune.InvalidArgumentError):
        connect(fake).get_prompt(HISTORY, CANDIDATES, fallback=plain)
    with pytest.raises(attune.InvalidArgumentError, match=r"history\[0\]"):
        connect(fake).get_prompt([{"title": "no id"}], CANDIDATES, fallback=plain)


def test_the_last_known_good_prompt_comes_before_the_fallback(connect, fake):
    client = connect(fake, retry=attune.RetryOptions(max_attempts=1), last_known_good=1)
    plain = attune.plain_prompt(HISTORY, CANDIDATES)
    good = client.get_prompt(HISTORY, CANDIDATES, seed=1)
    fake.faults = [Fault(AWAY)]
    # Another seed is the same request.
    known = client.get_prompt(HISTORY, CANDIDATES, seed=2, fallback=plain)
    assert known.is_fallback
    assert (known.messages, known.answer) == (good.messages, good.answer)
    assert (known.decision_id, known.decision_token, known.expire_time) == ("", b"", None)
    # Another user is not.
    fake.faults = [Fault(AWAY)]
    other = client.get_prompt(HISTORY, CANDIDATES, user_id="u", fallback=plain)
    assert other.messages == plain.messages
    # One is kept, and this is a newer one.
    client.get_prompt(HISTORY, CANDIDATES, user_id="u")
    fake.faults = [Fault(AWAY)]
    with pytest.raises(attune.UnavailableError):
        client.get_prompt(HISTORY, CANDIDATES)


def test_no_server_at_all_is_unavailable(connect):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{listener.getsockname()[1]}"

        class Nobody:
            pass

        Nobody.target = Nobody.control = target
        client = connect(Nobody, retry=QUICK)
        with pytest.raises(attune.UnavailableError):
            client.get_prompt(HISTORY, CANDIDATES)


def test_a_retried_feedback_is_recognisable(connect, fake):
    fake.faults = [Fault(AWAY)]
    done = connect(fake, retry=QUICK).record_feedback(b"token", reward=0.5)
    assert done.reward == 0.5
    first, second = (request.request_id for _, request in fake.calls)
    assert first == second
    assert len(first) == 36


def test_feedback_is_one_outcome(connect, fake):
    client = connect(fake)
    for outcome in ({}, {"reward": 1, "ranking": ["1"]}, {"reward": 1, "relevant": ["1"]}):
        with pytest.raises(attune.InvalidArgumentError):
            client.record_feedback(b"token", **outcome)
    assert fake.calls == []


def requests(count):
    return [{"history": HISTORY, "candidates": CANDIDATES, "seed": i} for i in range(count)]


def test_a_broken_stream_leaves_what_was_answered(connect, fake):
    fake.break_after, fake.stream_faults = [2], [Fault(AWAY, "broken")]
    results = connect(fake).get_prompts(requests(50))
    answered = [isinstance(result, attune.Prompt) for result in results]
    assert answered == [True] * 32 + [False] * 18
    assert all(isinstance(result, attune.UnavailableError) for result in results[32:])


def test_a_bad_request_does_not_cost_the_others(connect, fake):
    batch = requests(20)
    batch[7] = {"history": HISTORY}
    results = connect(fake).get_prompts(batch)
    assert isinstance(results[7], attune.InvalidArgumentError)
    assert sum(isinstance(result, attune.Prompt) for result in results) == 19
    assert connect(fake).get_prompts([]) == []


def test_a_broken_push_goes_on_where_the_server_has_it(connect, fake):
    data = os.urandom(1000)
    fake.break_after, fake.stream_faults = [300, 200], [Fault(AWAY), Fault(AWAY)]
    progress = []
    result = connect(fake, retry=QUICK).push_revision(
        data, chunk_bytes=100, on_progress=lambda sent, total: progress.append((sent, total))
    )
    assert bytes(fake.stored) == data
    assert result.revision.revision_id == result.revision.digest[:16]
    offsets = [header.offset for name, header in fake.calls if name == "PushRevision"]
    assert offsets == [0, 300, 500]
    assert progress[-1] == (1000, 1000)


def test_only_a_resumed_push_meets_its_own_other_half(connect, fake):
    other_half = Fault(grpc.StatusCode.ABORTED)
    fake.break_after, fake.stream_faults = [2, 0], [Fault(AWAY), other_half]
    connect(fake, retry=QUICK).push_revision(b"data", chunk_bytes=1)
    assert bytes(fake.stored) == b"data"
    fake.stored.clear()
    fake.break_after, fake.stream_faults = [0], [other_half]
    with pytest.raises(attune.AbortedError):
        connect(fake, retry=QUICK).push_revision(b"data")


def test_a_cancelled_task_ends_its_stream(fake):
    fake.hold_push.clear()

    async def push():
        async with attune.AsyncClient(fake.target, fake.control) as client:
            task = asyncio.create_task(client.push_revision(b"data"))
            while "PushRevision" not in fake.names():
                assert not task.done()
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(fake.push_ended.wait, 30)

    asyncio.run(push())


def test_a_call_that_is_cancelled_before_it_starts_ends():
    class Call:
        cancelled = 0

        def cancel(self):
            self.cancelled += 1

    early, late = Call(), Call()
    running = _transport._Running()
    running.started(early)
    running.cancel()
    assert early.cancelled == 1
    running = _transport._Running()
    running.cancel()
    running.started(late)
    assert late.cancelled == 1


def test_a_push_that_does_not_get_on_ends(connect, fake):
    fake.break_after, fake.stream_faults = [0] * 9, [Fault(AWAY)] * 9
    with pytest.raises(attune.UnavailableError):
        connect(fake, retry=QUICK).push_revision(b"data", max_stalled_streams=3)
    assert fake.names().count("PushRevision") == 3


def test_a_push_is_checked_before_it_is_sent(connect, fake):
    client = connect(fake)
    for options in ({"chunk_bytes": 0}, {"max_stalled_streams": 0}, {"signature": b"\xff"}):
        with pytest.raises(attune.InvalidArgumentError):
            client.push_revision(b"data", **options)
    with pytest.raises(attune.InvalidArgumentError, match="at least 1 byte"):
        client.push_revision(b"")
    assert fake.calls == []


def test_damaged_records_are_told(connect, fake):
    fake.pages[0].damaged_records = 3
    with pytest.warns(attune.log.DamagedRecordsWarning, match="3 damaged"):
        assert list(connect(fake).read_decisions()) == []


def test_a_server_that_repeats_itself_is_not_believed(connect, fake):
    fake.pages = fake.pages * 2
    for page in fake.pages:
        page.next_page_token = "1"
    with pytest.raises(attune.InternalError, match="repeats itself"):
        list(connect(fake).read_decisions())
