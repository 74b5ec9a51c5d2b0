"""A backup log proves itself entry by entry, and never out of order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piccolo_formats.backup_body import open_body, open_body_key
from piccolo_formats.backup_chain import LogVerifier, Standing
from piccolo_formats.backup_entry import build_prefix, entry_name, open_header, split_entry
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Head
from piccolo_formats.signed import Signed, sign
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.logs_made import (
    CHANGESET,
    CLAIM,
    DELEGATES,
    KEK,
    LOCATOR,
    MOVED,
    SNAPSHOT,
    Log,
    delegation,
    header,
    log_of,
    pieces,
)
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.vectors.people import ADA


def test_the_published_log_is_verified_and_opened() -> None:
    verifier = LogVerifier(ADA.kek.locator().public)
    for vector in published()["backup"]["entries"]:
        signed, body = split_entry([hexed(vector["entry"])])
        entry = verifier.add(signed)
        assert entry_name(entry.header.seq) == vector["name"]
        assert entry.record_hash().hex() == vector["hash"]
        key = open_body_key(entry.header, ADA.kek.backup())
        assert b"".join(open_body(entry.header, key, body)) == hexed(vector["plain"])
    assert verifier.snapshot == 1


@given(st.binary(max_size=50), st.integers(1, 40))
def test_an_entry_is_split_however_it_comes(body: bytes, step: int) -> None:
    signed = header(SNAPSHOT, 1, None)
    entry = build_prefix(signed) + body
    data, rest = split_entry(pieces(entry, step))
    assert data == signed.to_bytes()
    assert b"".join(rest) == body
    assert open_header(data, LOCATOR).header == signed.record


@given(st.binary(max_size=300))
def test_arbitrary_entries_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        split_entry([data])
    with pytest.raises(FormatError):
        split_entry([b"PICBKUP\x01" + data])
    with pytest.raises(FormatError):
        open_header(data, LOCATOR)


def test_every_changed_byte_of_a_header_is_refused() -> None:
    all_refused(header(SNAPSHOT, 1, None).to_bytes(), lambda data: open_header(data, LOCATOR))
    prefix = build_prefix(header(SNAPSHOT, 1, None))
    all_refused(prefix, lambda data: open_header(whole(data), LOCATOR))


def whole(entry: bytes) -> bytes:
    signed, body = split_entry([entry])
    if b"".join(body):
        raise FormatError("entry-short", "something follows")
    return signed


def test_a_header_is_signed_by_whom_the_locator_delegated() -> None:
    good = header(SNAPSHOT, 1, None).record
    stranger = SigningKey(b"s" * 32)
    forged = replace(good, delegation=delegation(1, stranger).to_bytes())
    older = replace(good, delegation=delegation(2).to_bytes())
    for signed, reason in (
        (sign(good, stranger), "not-signed"),
        (sign(good, KEK.locator()), "not-signed"),
        (sign(forged, DELEGATES[1]), "not-signed"),
        (sign(older, DELEGATES[1], DELEGATES[2]), "entry-delegation"),
    ):
        with pytest.raises(AuthenticationError) as caught:
            open_header(signed.to_bytes(), LOCATOR)
        assert caught.value.reason == reason
    with pytest.raises(AuthenticationError) as caught:
        open_header(sign(good, DELEGATES[1]).to_bytes(), bytes(32))
    assert caught.value.reason == "entry-locator"


def test_a_log_is_verified_from_its_beginning_or_from_a_snapshot() -> None:
    log = log_of(SNAPSHOT, CHANGESET, CHANGESET)
    log.append(SNAPSHOT, schema=2)
    log.append(CHANGESET, base=4, schema=2)
    log.append(CLAIM, base=4, generation=2)
    log.append(CHANGESET, base=4, schema=2, generation=2)
    log.append(MOVED, base=4, generation=2)
    verifier = log.verified()
    assert verifier.snapshot == log.verified(3).snapshot == 4
    assert verifier.last is not None
    assert verifier.last.header.kind is MOVED
    emptied = log.verified(7).last
    assert emptied is not None
    assert emptied.header.kind is MOVED
    for start in (1, 2, 4, 5):
        with pytest.raises(FormatError) as caught:
            log.verified(start)
        assert caught.value.reason == "log-order"


@given(st.permutations(range(5)))
@settings(max_examples=40)
def test_no_other_order_is_taken(order: list[int]) -> None:
    log = log_of(SNAPSHOT, CHANGESET, CHANGESET, CHANGESET, CHANGESET)
    taken = Log([log.entries[at] for at in order])
    if order == sorted(order):
        taken.verified()
    else:
        with pytest.raises(FormatError):
            taken.verified()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seq": 4}, "log-order"),
        ({"seq": 2}, "log-order"),
        ({"prev": bytes(32)}, "log-fork"),
        ({"generation": 2}, "log-generation"),
        ({"base": 2}, "log-chain"),
        ({"schema": 2}, "log-chain"),
        ({"kind": CLAIM, "base": 2, "generation": 2}, "log-chain"),
        ({"kind": SNAPSHOT, "base": 3, "generation": 2}, "log-generation"),
    ],
)
def test_a_wrong_entry_is_refused_and_changes_nothing(changes: dict[str, Any], reason: str) -> None:
    log = log_of(SNAPSHOT, CHANGESET)
    verifier = log.verified()
    wrong = {"kind": CHANGESET, "seq": 3, "prev": log.entries[-1].record_hash(), **changes}
    with pytest.raises(FormatError) as caught:
        verifier.add(header(**wrong).to_bytes())
    assert caught.value.reason == reason
    log.append(CHANGESET)
    verifier.add(log.entries[-1].to_bytes())


def test_a_generation_never_falls() -> None:
    log = log_of(SNAPSHOT)
    log.append(CLAIM, generation=3)
    verifier = log.verified()
    for kind in (CLAIM, CHANGESET):
        with pytest.raises(FormatError) as caught:
            verifier.add(header(kind, 3, log.entries[-1].record_hash(), generation=2).to_bytes())
        assert caught.value.reason == "log-generation"


def test_a_log_may_begin_with_a_claim_but_not_with_a_changeset() -> None:
    verifier = LogVerifier(LOCATOR)
    first = header(CLAIM, 1, None, base=0, generation=2)
    verifier.add(first.to_bytes())
    with pytest.raises(FormatError):
        verifier.add(header(CHANGESET, 2, first.record_hash(), generation=2).to_bytes())
    verifier.add(header(SNAPSHOT, 2, first.record_hash(), generation=2).to_bytes())


def test_nothing_follows_moved() -> None:
    log = log_of(SNAPSHOT, MOVED)
    log.append(SNAPSHOT)
    with pytest.raises(FormatError) as caught:
        log.verified()
    assert caught.value.reason == "log-closed"


def head_of(seq: int, value: bytes, locator: bytes = LOCATOR) -> Signed[Head]:
    return sign(Head(locator=locator, generation=1, seq=seq, hash=value), KEK.locator())


def test_heads_tell_rollback_and_fork() -> None:
    log = log_of(SNAPSHOT, CHANGESET, SNAPSHOT, CHANGESET)
    log.entries[3] = header(CHANGESET, 4, log.entries[2].record_hash(), base=3)
    verifier, third = log.verified(2), log.entries[2].record_hash()
    for seq, value, standing in (
        (3, third, Standing.CONTAINED),
        (3, bytes(32), Standing.FORKED),
        (4, third, Standing.FORKED),
        (5, third, Standing.ROLLED_BACK),
        (2, third, Standing.PRUNED),
    ):
        assert verifier.compare(head_of(seq, value)) is standing
    with pytest.raises(AuthenticationError):
        verifier.compare(head_of(3, third, bytes(32)))
    with pytest.raises(FormatError):
        LogVerifier(LOCATOR).compare(head_of(3, third))


def test_entries_are_named_by_their_number() -> None:
    assert entry_name(1) == "log/0000000000000001"
    assert entry_name(2**64 - 1) == "log/ffffffffffffffff"
    for seq in (0, -1, 2**64):
        with pytest.raises(FormatError):
            entry_name(seq)
