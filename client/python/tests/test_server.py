# SPDX-License-Identifier: Apache-2.0
"""Both clients against the real attune_server."""

import math
import shutil
import subprocess

import pytest
from conftest import CANDIDATES, HISTORY, Server, binary

import attune


def test_a_prompt_is_all_that_a_caller_needs(connect, server):
    prompt = connect(server).get_prompt(
        HISTORY, CANDIDATES, user_id="user-1", readout=attune.Readout.GENERATE
    )
    assert len(prompt.decision_id) == 32
    assert prompt.decision_token
    assert not prompt.is_fallback
    assert prompt.expire_time is not None
    assert [c.pattern for c in prompt.choice] == ["history", "hint", "reasoning", "role", "format"]
    assert all(0 < c.probability <= 1 for c in prompt.choice)
    assert sorted(prompt.answer.displayed_item_ids) == ["219", "71", "95"]
    assert "The Lion King (1994)" in prompt.answer.displayed_titles
    ranked = attune.parse_ranking(prompt, "C\nA\nB")
    displayed = prompt.answer.displayed_item_ids
    assert ranked.item_ids == (displayed[2], displayed[0], displayed[1])
    assert ranked.status is attune.ParseStatus.COMPLETE


def test_the_same_seed_gives_the_same_prompt(connect, server):
    first, second = (connect(server).get_prompt(HISTORY, CANDIDATES, seed=7) for _ in range(2))
    assert first.messages == second.messages
    assert first.decision_id != second.decision_id


def test_a_mistake_names_its_field(connect, server):
    with pytest.raises(attune.InvalidArgumentError) as caught:
        connect(server).get_prompt([], CANDIDATES)
    assert [v.field for v in caught.value.violations] == ["history"]
    assert caught.value.reason
    with pytest.raises(attune.NotFoundError):
        connect(server).get_prompt(HISTORY, CANDIDATES, revision="0" * 16)


def test_a_ranking_refines_the_next_prompt(connect, server):
    client = connect(server)
    first = client.get_prompt(HISTORY, CANDIDATES)
    previous = attune.Previous(first.decision_token, first.answer.displayed_item_ids)
    assert client.get_prompt(HISTORY, CANDIDATES, previous=previous).decision_token
    with pytest.raises(attune.FailedPreconditionError):
        client.get_prompt(HISTORY, CANDIDATES[:2], previous=previous)


def test_the_callers_own_choice_is_served(connect, server):
    own = {"history": "recent_3", "hint": "none"}
    prompt = connect(server).get_prompt(
        HISTORY, CANDIDATES, mode=attune.Mode.APPRENTICE, own_choice=own
    )
    chosen = {c.pattern: (c.option_id, c.probability) for c in prompt.choice}
    assert chosen["history"] == ("recent_3", 1.0)
    assert chosen["hint"] == ("none", 1.0)
    with pytest.raises(attune.InvalidArgumentError):
        connect(server).get_prompt(HISTORY, CANDIDATES, mode=attune.Mode.APPRENTICE)
    greedy = connect(server).get_prompt(
        HISTORY, CANDIDATES, mode=attune.Mode.GREEDY, own_choice=own
    )
    assert all(c.probability == 1.0 for c in greedy.choice)


def test_many_prompts_come_over_one_stream(connect, server):
    client = connect(server)
    batch = [attune.PromptRequest(HISTORY, CANDIDATES, seed=i) for i in range(100)]
    batch[37] = attune.PromptRequest([], CANDIDATES)
    results = client.get_prompts(batch)
    assert isinstance(results[37], attune.InvalidArgumentError)
    assert results[37].violations[0].field == "history"
    for i in (0, 36, 38, 99):
        assert results[i].messages == client.get_prompt(HISTORY, CANDIDATES, seed=i).messages


def test_a_preview_decides_nothing(connect, server):
    prompt = connect(server).preview_prompt(HISTORY, CANDIDATES, choice={"history": "recent_1"})
    assert (prompt.decision_token, prompt.history_length) == (b"", 1)
    with pytest.raises(attune.InvalidArgumentError):
        connect(server).preview_prompt(HISTORY, CANDIDATES, choice={"history": "no_such"})


def test_the_first_feedback_counts(connect, server):
    client = connect(server)
    prompt = client.get_prompt(HISTORY, CANDIDATES)
    ranking = list(prompt.answer.displayed_item_ids)
    done = client.record_feedback(prompt, ranking=ranking, relevant=ranking[1:2])
    assert done.decision_id == prompt.decision_id
    assert done.reward == pytest.approx(1 / math.log2(3))
    assert not done.duplicate
    again = client.record_feedback(prompt.decision_token, reward=0.0)
    assert (again.reward, again.duplicate) == (done.reward, True)
    with pytest.raises(attune.UnauthenticatedError) as caught:
        client.record_feedback(b"forged", reward=1.0)
    assert caught.value.reason == "TOKEN_NOT_OURS"


def test_the_log_says_what_was_decided(connect, own_server):
    client = connect(own_server())
    prompts = [client.get_prompt(HISTORY, CANDIDATES, user_id=f"u{i % 2}") for i in range(6)]
    for i, prompt in enumerate(prompts[:4]):
        client.record_feedback(prompt, reward=i / 4)
    assert len(list(client.read_decisions(only_with_feedback=True))) == 4
    decisions = list(client.read_decisions())
    assert {d.decision_id for d in decisions} == {p.decision_id for p in prompts}
    logged = next(d for d in decisions if d.decision_id == prompts[3].decision_id)
    assert logged.feedback.reward == 0.75
    assert logged.mode is attune.Mode.SAMPLE
    assert logged.role is attune.log.Role.ACTIVE
    assert logged.propensity == pytest.approx(
        math.prod(c.probability for c in prompts[3].choice), rel=1e-5
    )
    assert all(sum(p.probabilities) == pytest.approx(1) for p in logged.patterns)
    assert logged.displayed_item_ids == prompts[3].answer.displayed_item_ids

    forgotten = client.forget_user("u1")
    assert (forgotten.decisions, forgotten.feedback) == (3, 2)
    assert client.forget_user("u1").decisions == 0
    assert len(list(client.read_decisions())) == 3
    with pytest.raises(attune.FailedPreconditionError) as caught:
        client.record_feedback(prompts[5], reward=1.0)
    assert caught.value.reason == "DECISION_FORGOTTEN"


def test_without_a_log_the_reason_says_so(connect, own_server):
    client = connect(own_server("--log_dir", "off"))
    with pytest.raises(attune.FailedPreconditionError) as caught:
        list(client.read_decisions())
    assert caught.value.reason == "LOG_DISABLED"


def test_a_revision_from_push_to_rollback(connect, own_server, artifact):
    client = connect(own_server())
    uniform = client.get_traffic().active
    path = artifact()
    pushed = client.push_revision(path, chunk_bytes=10_000)
    new = pushed.revision.revision_id
    assert not pushed.already_stored
    assert pushed.revision.state is attune.RevisionState.READY
    assert client.push_revision(path.read_bytes()).already_stored
    assert client.list_revisions()[0].revision_id == new
    assert client.get_revision(new).byte_size == path.stat().st_size

    canary = attune.Traffic(uniform, attune.Canary(new, 0.5))
    assert client.set_traffic(canary, "a trial") == canary
    assert client.get_traffic() == canary
    assert client.rollback().canary is None
    client.push_revision(path, activate=True)
    assert client.get_prompt(HISTORY, CANDIDATES).revision == new
    assert client.rollback("bad").active == uniform
    client.delete_revision(new)
    with pytest.raises(attune.NotFoundError):
        client.get_revision(new)
    with pytest.raises(attune.FailedPreconditionError) as caught:
        client.rollback()
    assert caught.value.reason == "NO_EARLIER_REVISION"


def test_a_damaged_artifact_is_refused(connect, server, artifact):
    data = bytearray(artifact().read_bytes())
    data[len(data) // 2] ^= 1
    with pytest.raises(attune.InvalidArgumentError):
        connect(server).push_revision(bytes(data))


def test_a_signed_revision_needs_its_signature(connect, own_server, artifact, tmp_path):
    cli, path = binary("ATTUNE_CLI_BINARY"), tmp_path / "revision.attune"
    shutil.copy(artifact(), path)
    subprocess.run(
        [cli, "keygen", "--out", tmp_path / "key"], check=True, capture_output=True, timeout=60
    )
    client = connect(own_server("--trusted_keys_file", tmp_path / "key.pub.pem"))
    with pytest.raises(attune.PermissionDeniedError) as caught:
        client.push_revision(path)
    assert caught.value.reason == "UNSIGNED"
    sign = [cli, "sign", path, "--key", tmp_path / "key.pem", "--number", "1"]
    subprocess.run(sign, check=True, capture_output=True, timeout=60)
    assert client.push_revision(path).revision.revision_id
    with pytest.raises(attune.InvalidArgumentError, match="of another artifact"):
        client.push_revision(b"other", signature=(tmp_path / "revision.attune.sig").read_bytes())


def certificate(directory, name, san):
    """A key and a certificate of the directory's CA."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    openssl(directory, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName={san}")  # fmt: skip
    openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-days", "2", "-copy_extensions", "copy", "-out", f"{name}.pem")  # fmt: skip


def openssl(directory, *arguments):
    """Runs the tool there."""
    subprocess.run(
        ["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60
    )


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A server that wants certificates, and the directory with them."""
    made = tmp_path_factory.mktemp("tls")
    openssl(made, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-noenc", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=CA")  # fmt: skip
    certificate(made, "server", "DNS:attune.test")
    certificate(made, "backend", "URI:spiffe://shop/backend")
    (made / "roles.yaml").write_text("spiffe://shop/backend: [client]\n")
    running = Server(
        made, "--tls_cert_file", made / "server.pem", "--tls_key_file", made / "server.key",
        "--tls_client_ca_file", made / "ca.pem", "--roles_file", made / "roles.yaml",
    )  # fmt: skip
    yield running, made
    running.stop()


def test_certificates_open_what_their_role_may_do(connect, tls):
    server, made = tls
    options = attune.TlsOptions(
        made / "ca.pem", made / "backend.pem", made / "backend.key", "attune.test"
    )
    client = connect(server, tls=options, deadline=30)
    prompt = client.get_prompt(HISTORY, CANDIDATES)
    with pytest.raises(attune.PermissionDeniedError, match="feedback_writer"):
        client.record_feedback(prompt, reward=1.0)


@pytest.mark.parametrize(
    ("own", "name"), [(False, "attune.test"), (True, "other.test"), (True, None)]
)
def test_a_connection_that_is_not_trusted_is_unavailable(connect, tls, own, name):
    server, made = tls
    own_files = (made / "backend.pem", made / "backend.key") if own else (None, None)
    options = attune.TlsOptions(made / "ca.pem", *own_files, name)
    client = connect(server, tls=options, retry=attune.RetryOptions(max_attempts=1))
    with pytest.raises(attune.UnavailableError):
        client.get_prompt(HISTORY, CANDIDATES)


def test_a_part_of_tls_is_an_error(tmp_path):
    for part in ({"cert_file": "a"}, {"server_name": "a"}, {"ca_file": "a", "key_file": "b"}):
        with pytest.raises(attune.InvalidArgumentError, match="tls"):
            attune.TlsOptions(**part)
    with pytest.raises(FileNotFoundError):
        attune.Client(tls=attune.TlsOptions(tmp_path / "none.pem"))


def test_the_plain_prompt_is_the_sdks():
    prompt = attune.plain_prompt(HISTORY, CANDIDATES)
    assert prompt.messages[0].text == (
        "I enjoyed these, oldest first:\n- Toy Story (1995)\n- Aladdin (1992)\n"
        "\nRank these by how much I would enjoy them:\n"
        "A. The Lion King (1994)\nB. A Nightmare on Elm Street (1984)\n"
        "C. The Jungle Book (1994)\n"
        "\nAnswer with all the letters, best first, separated by commas, and nothing else."
    )
    assert attune.parse_ranking(prompt, "C, A, B").item_ids == ("95", "71", "219")
    with pytest.raises(attune.InvalidArgumentError, match="history"):
        attune.plain_prompt([], CANDIDATES)
