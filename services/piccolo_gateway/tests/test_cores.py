"""Sessions, tokens, idempotency, access, events, metrics, media: the rules without a wire."""

from __future__ import annotations

import random
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from piccolo_gateway.core import access, events, exposition, idempotency, media, tokens, tus
from piccolo_gateway.core.access import EVERYTHING, NOBODY, Actor
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.idempotency import Answer, Answers, fingerprint
from piccolo_gateway.core.problems import problem_of, retry_after, status_of
from piccolo_gateway.core.sessions import Lifetimes, Sessions
from piccolo_gateway.core.visitors import UNKNOWN


def sessions(most: int = 3) -> Sessions:
    return Sessions(Lifetimes(idle=100, absolute=1000, most=most), random.Random(1).randbytes)


def test_a_session_ends_when_it_is_not_used() -> None:
    book = sessions()
    secret, _ = book.begin(EVERYTHING, 0, 0.0, UNKNOWN)
    assert book.find(secret, 0, 99.0, UNKNOWN)
    assert book.find(secret, 0, 198.0, UNKNOWN)
    assert book.find(secret, 0, 299.0, UNKNOWN) is None


def test_a_session_ends_after_its_lifetime_however_much_it_is_used() -> None:
    book = sessions()
    secret, session = book.begin(EVERYTHING, 5, 0.0, UNKNOWN)
    assert book.ends_at(session) == 1005
    for at in range(0, 1000, 50):
        assert book.find(secret, 0, float(at), UNKNOWN)
    assert book.find(secret, 0, 1001.0, UNKNOWN) is None


def test_one_session_too_many_ends_the_one_that_was_unused_longest() -> None:
    book = sessions(most=2)
    first, _ = book.begin(EVERYTHING, 0, 0.0, UNKNOWN)
    second, _ = book.begin(EVERYTHING, 0, 1.0, UNKNOWN)
    assert book.find(first, 0, 2.0, UNKNOWN)
    third, _ = book.begin(EVERYTHING, 0, 3.0, UNKNOWN)
    assert book.find(second, 0, 4.0, UNKNOWN) is None
    assert book.find(first, 0, 4.0, UNKNOWN)
    assert book.find(third, 0, 4.0, UNKNOWN)


def test_sessions_end_one_by_one_and_together() -> None:
    book = sessions()
    first, one = book.begin(EVERYTHING, 0, 0.0, UNKNOWN)
    second, two = book.begin(EVERYTHING, 0, 0.0, UNKNOWN)
    assert book.end(one.session_id)
    assert not book.end(one.session_id)
    book.end_all(but=two.session_id)
    assert book.find(second, 0, 0.0, UNKNOWN)
    book.end_all()
    assert book.find(second, 0, 0.0, UNKNOWN) is None
    assert book.find(first, 0, 0.0, UNKNOWN) is None


def test_no_secret_is_kept_and_none_is_guessed() -> None:
    book = sessions()
    secret, _ = book.begin(EVERYTHING, 0, 0.0, UNKNOWN)
    assert secret not in repr(book)
    for wrong in ("", secret[:-1], secret.upper(), "\udcff"):
        assert book.find(wrong, 0, 0.0, UNKNOWN) is None


@pytest.mark.parametrize(
    ("held", "may"),
    [
        ({Scope.ADMIN}, set(Scope)),
        ({Scope.READ}, {Scope.READ, Scope.WATCH}),
        ({Scope.WRITE}, {Scope.WRITE}),
        ({Scope.METRICS}, {Scope.METRICS}),
        ({Scope.WATCH}, {Scope.WATCH}),
        (set(), set()),
    ],
)
def test_the_table_of_scopes(held: set[Scope], may: set[Scope]) -> None:
    actor = Actor("token:x", frozenset(held), token_id="x")
    assert {scope for scope in Scope if actor.may(scope)} == may
    for scope in set(Scope) - may:
        with pytest.raises(PiccoloError) as refused:
            access.require(actor, scope)
        assert refused.value.kind is Kind.DENIED


def test_nobody_may_what_everybody_may() -> None:
    access.require(NOBODY, None)
    with pytest.raises(PiccoloError) as refused:
        access.require(NOBODY, Scope.READ)
    assert refused.value.kind is Kind.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("method", "origin", "site", "passes"),
    [
        ("GET", "https://evil.example", "cross-site", True),
        ("POST", None, None, True),  # no browser sends a POST without either
        ("POST", "https://box:8443", None, True),
        ("POST", "https://BOX:8443", None, True),
        ("POST", "http://box:8443", None, False),
        ("POST", "https://box", None, False),
        ("POST", "https://evil.example", None, False),
        ("POST", "null", None, False),
        ("POST", "https://[bad", None, False),
        ("POST", None, "same-origin", True),
        ("POST", None, "none", True),
        ("POST", None, "same-site", False),
        ("POST", "https://box:8443", "cross-site", False),
        ("DELETE", None, "cross-site", False),
        ("PUT", None, "cross-site", False),
        ("PATCH", None, "cross-site", False),
        ("ODD", None, "cross-site", False),
    ],
)
def test_the_table_of_sites(method: str, origin: str | None, site: str | None, passes: bool) -> None:
    with nullcontext() if passes else pytest.raises(PiccoloError, match="another site"):
        access.refuse_cross_site(method, "box:8443", origin, site)


def test_a_token_is_kept_as_its_hash_only() -> None:
    made = tokens.make("backup", [Scope.WRITE, Scope.READ, Scope.READ], 60, 1000, bytes(range(40)))
    assert made.secret == "piccolo_" + bytes(range(8, 40)).hex()
    assert made.secret.removeprefix("piccolo_").encode() not in made.record.encode()
    kept = tokens.decode(made.record.encode())
    assert kept == made.record
    assert kept.digest == tokens.digest(made.secret)
    assert kept.known_scopes == {Scope.READ, Scope.WRITE}
    assert not kept.over(1059)
    assert kept.over(1060)


def test_records_of_another_release() -> None:
    newer = (
        b'{"token_id":"a","name":"n","digest":"d","scopes":["read","fly"],'
        b'"created":1,"expires":0,"last_used":0,"new":1}'
    )
    kept = tokens.decode(newer)
    assert kept is not None
    assert kept.known_scopes == {Scope.READ}
    assert not kept.over(2**40)
    assert tokens.decode(b"{") is None


OK = Answer(201, {}, b"made")
SAME = fingerprint("POST", "/a", b"1")


def test_the_same_request_is_answered_again() -> None:
    answers = Answers(10, 10_000)
    assert answers.begin("owner", "k", SAME, 0.0) is None
    answers.end("owner", "k", OK)
    assert answers.begin("owner", "k", SAME, 1.0) is OK
    assert answers.begin("token", "k", SAME, 1.0) is None  # another caller's key is another key


@pytest.mark.parametrize(
    ("method", "target", "body"), [("POST", "/a", b"2"), ("POST", "/b", b"1"), ("PUT", "/a", b"1")]
)
def test_a_key_belongs_to_one_request(method: str, target: str, body: bytes) -> None:
    answers = Answers(10, 10_000)
    answers.begin("owner", "k", SAME, 0.0)
    answers.end("owner", "k", OK)
    with pytest.raises(PiccoloError) as refused:
        answers.begin("owner", "k", fingerprint(method, target, body), 1.0)
    assert status_of(refused.value) == 422


def test_while_it_is_answered_the_same_request_is_a_conflict() -> None:
    answers = Answers(10, 10_000)
    answers.begin("owner", "k", SAME, 0.0)
    with pytest.raises(PiccoloError) as refused:
        answers.begin("owner", "k", SAME, 1.0)
    assert status_of(refused.value) == 409


@pytest.mark.parametrize("status", [401, 423, 429, 499, 500, 503])
def test_not_now_is_tried_again(status: int) -> None:
    answers = Answers(10, 10_000)
    answers.begin("owner", "k", SAME, 0.0)
    answers.end("owner", "k", Answer(status, {}, b""))
    assert answers.begin("owner", "k", SAME, 1.0) is None


def test_answers_are_forgotten_after_a_day() -> None:
    answers = Answers(10, 10_000)
    answers.begin("owner", "k", SAME, 0.0)
    answers.end("owner", "k", OK)
    assert answers.begin("owner", "k", SAME, idempotency.KEPT_SECONDS) is OK
    assert answers.begin("owner", "k", SAME, idempotency.KEPT_SECONDS + 1) is None


@given(st.lists(st.integers(0, 4000), max_size=40))
def test_what_is_kept_is_bounded(sizes: list[int]) -> None:
    answers = Answers(5, 8192)
    for number, size in enumerate(sizes):
        assert answers.begin("owner", str(number), SAME, float(number)) is None
        answers.end("owner", str(number), Answer(200, {}, bytes(size)))
        kept = [one.answer.weight for one in answers._kept.values() if one.answer]
        assert len(kept) <= 5
        assert sum(kept) == answers._bytes <= 8192


def test_too_many_requests_under_way_are_refused() -> None:
    answers = Answers(2, 8192)
    answers.begin("owner", "1", SAME, 0.0)
    answers.begin("owner", "2", SAME, 0.0)
    with pytest.raises(PiccoloError) as refused:
        answers.begin("owner", "3", SAME, 0.0)
    assert refused.value.kind is Kind.EXHAUSTED


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256, "\n"])
def test_keys_that_are_none(key: str) -> None:
    with pytest.raises(PiccoloError) as refused:
        Answers(2, 8192).begin("owner", key, SAME, 0.0)
    assert refused.value.reason == "IDEMPOTENCY_KEY_INVALID"


@given(st.integers(0, 10**17))
def test_event_ids_come_back(revision: int) -> None:
    assert events.read_id("abc", events.make_id("abc", revision)) == revision
    assert events.read_id("abd", events.make_id("abc", revision)) == 0


@pytest.mark.parametrize("text", ["", "abc", "abc-", "abc-x", "abc--1", "abc-1²", "abc-" + "9" * 19, "-5"])
def test_ids_that_are_none_begin_anew(text: str) -> None:
    assert events.read_id("abc", text) == 0


def test_metrics_of_several_services_are_one_text() -> None:
    one, two = CollectorRegistry(), CollectorRegistry()
    Counter("calls", "Calls.", ["method"], registry=one).labels('a{b="c d').inc(2)
    Counter("calls", "Calls.", ["method"], registry=two).labels("x").inc(3)
    Counter("plain", "Plain.", registry=two).inc()
    texts = {"vault": generate_latest(one).decode(), "metadata": generate_latest(two).decode(), "gone": None}
    families = {family.name: family for family in text_string_to_metric_families(exposition.merge(texts))}
    calls = {
        (sample.labels["service"], sample.labels["method"]): sample.value
        for sample in families["calls"].samples
        if sample.name == "calls_total"
    }
    assert calls == {("vault", 'a{b="c d'): 2.0, ("metadata", "x"): 3.0}
    assert {sample.labels["service"]: sample.value for sample in families["piccolo_up"].samples} == {
        "vault": 1.0,
        "metadata": 1.0,
        "gone": 0.0,
    }
    assert families["plain"].samples[0].labels == {"service": "metadata"}
    assert exposition.merge(texts).count("# TYPE calls_total counter") == 1


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("image/png", True),
        ("image/svg+xml", False),
        ("IMAGE/SVG+XML; x=y", False),
        ("text/html", False),
        ("text/plain; charset=utf-8", True),
        ("application/xhtml+xml", False),
        ("video/mp4", True),
        ("", False),
    ],
)
def test_what_could_run_as_a_page_is_downloaded(kind: str, shown: bool) -> None:
    assert media.may_show(kind) is shown


def test_names_in_a_disposition_cannot_break_out() -> None:
    assert media.disposition("", '/a/"; filename=x\r\nX: y ä') == (
        "attachment; filename*=UTF-8''%22%3B%20filename%3Dx%0D%0AX%3A%20y%20%C3%A4"
    )


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (PiccoloError(Kind.LOCKED, "LOCKED", "x"), 423, None),
        (PiccoloError(Kind.FULL, "NO_ROOM", "x"), 507, None),
        (PiccoloError(Kind.EXHAUSTED, "PASSPHRASE_DELAY", "x", {"retry_after": "3.2"}), 429, "4"),
        (PiccoloError(Kind.EXHAUSTED, "OTHER", "x"), 429, "1"),
        (PiccoloError(Kind.UNAVAILABLE, "STOPPING", "x"), 503, "1"),
        (PiccoloError(Kind.EXHAUSTED, "ODD", "x", {"retry_after": "soon"}), 429, None),
        (PiccoloError(Kind.CONFLICT, "PRECONDITION_FAILED", "x"), 412, None),
        (PiccoloError(Kind.CONFLICT, "REVISION_CONFLICT", "x"), 409, None),
    ],
)
def test_the_table_of_problems(error: PiccoloError, status: int, wait: str | None) -> None:
    assert status_of(error) == status
    assert retry_after(error) == wait


@pytest.mark.parametrize("kind", list(Kind))
def test_every_problem_has_a_next_step_and_keeps_the_transport_to_itself(kind: Kind) -> None:
    error = PiccoloError(
        kind, "SOME_REASON", "What happened.", {"transport": "unix:/run/x", "incident": "7", "a": "b"}
    )
    problem = problem_of(error)
    assert problem.next_step
    assert problem.title
    assert problem.type == "urn:piccolo:problem:SOME_REASON"
    assert problem.incident == "7"
    assert problem.details == {"a": "b"}
    assert "!" not in problem.next_step + problem.title


@pytest.mark.parametrize(
    ("kind", "reason", "step"),
    [
        (Kind.DENIED, "SCOPE_MISSING", "a token"),
        (Kind.DENIED, "FENCED", "newer device"),
        (Kind.DENIED, "INVITATION_USED", "new invitation"),
        (Kind.PRECONDITION, "INVITATION_EXPIRED", "new invitation"),
        (Kind.DENIED, "NOT_ADMIN", "an admin"),
        (Kind.INVALID, "WORDS_CHECKSUM", "your note"),
        (Kind.INVALID, "PASSPHRASE_SHORT", "longer"),
        (Kind.INVALID, "PATH_INVALID", "another name"),
    ],
)
def test_people_are_sent_where_it_goes_on(kind: Kind, reason: str, step: str) -> None:
    assert step in problem_of(PiccoloError(kind, reason, "What happened.")).next_step


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("path L2EvYg==", ("/a/b", "", 0)),
        ("filename YS50eHQ=,filetype dGV4dC9wbGFpbg==", ("/a.txt", "text/plain", 0)),
        ("relativePath YS9i,modified MTIz", ("/a/b", "", 123)),
        ("path L2E=, type YQ==,empty", ("/a", "a", 0)),
    ],
)
def test_where_tus_uploads_go(metadata: str, expected: tuple[str, str, int]) -> None:
    target = tus.target(metadata)
    assert (target.path, target.media, target.modified) == expected


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        "",
        "path",
        "path L2E=,path L2E=",
        "path !!",
        "path /w==",
        "ä L2E=",
        "path YQ==",
        "path L2E=,modified eA==",
    ],
)
def test_metadata_that_says_nothing(metadata: str | None) -> None:
    with pytest.raises(PiccoloError) as refused:
        tus.target(metadata)
    assert refused.value.kind is Kind.INVALID


@pytest.mark.parametrize("header", [None, "", "-1", "1.0", "x", "٣", "9" * 19, " 1"])
def test_numbers_that_are_none(header: str | None) -> None:
    with pytest.raises(PiccoloError):
        tus.number(header, "Upload-Length")
