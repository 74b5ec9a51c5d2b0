"""What the members know of the backup against what the cloud shows."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats.digests import digest
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Head as HeadRecord
from piccolo_formats.records.device import Device
from piccolo_formats.signed import Signed, countersign, sign

from piccolo_vault.core.keys.rotation import succeeded
from piccolo_vault.core.keys.witnesses import (
    Finding,
    Head,
    Log,
    Witness,
    judge,
    places_of_interest,
    read_head,
    refuse,
    witness_words,
)
from piccolo_vault.tests.circle_fakes import FakeOwner

ORDER = [Finding.PROVEN, Finding.UNPROVEN, Finding.WITHHELD, Finding.ROLLED_BACK, Finding.FORK]


@dataclass(frozen=True)
class History:
    """Every entry that honest devices of an owner wrote: its generation and hash, by seq from 1."""

    entries: tuple[tuple[int, bytes], ...]

    def head(self, seq: int) -> Head:
        return Head(self.entries[seq - 1][0], seq, self.entries[seq - 1][1])

    def log(self, seq: int) -> Log:
        """What an honest cloud shows when its log ends there."""
        places = {at: hash_ for at, (_, hash_) in enumerate(self.entries[:seq], 1)}
        return Log(self.entries[seq - 1][0], seq, places)


def history(generations: list[int], name: bytes = b"") -> History:
    entries, generation = [], 1
    for seq, step in enumerate(generations, 1):
        generation += step
        entries.append((generation, digest("record", b"%s %d" % (name, seq))))
    return History(tuple(entries))


histories = st.lists(st.sampled_from([0, 0, 0, 1]), min_size=1, max_size=12).map(history)
kept = st.lists(st.lists(st.integers(1, 12), max_size=2), max_size=5)


def told_by(written: History, keepers: list[list[int]]) -> list[Witness]:
    size = len(written.entries)
    return [
        Witness(f"keeper {n}", tuple(written.head(1 + (seq - 1) % size) for seq in seqs))
        for n, seqs in enumerate(keepers)
    ]


def asked(log: Log, told: list[Witness]) -> Log:
    """The log with the hashes of those places only that are asked for."""
    return replace(log, places={seq: log.places[seq] for seq in places_of_interest(log, told)})


@given(histories, kept, st.integers(1, 12), st.integers(0, 3))
def test_a_cloud_that_is_behind_is_told_and_an_honest_one_is_never_accused(
    written: History, keepers: list[list[int]], end: int, silent: int
) -> None:
    end = min(end, len(written.entries))
    log, told = written.log(end), told_by(written, keepers)
    verdict = judge(asked(log, told), told, len(told) + silent)
    beyond = any(head.seq > end and head.generation >= log.generation for each in told for head in each.heads)
    assert (verdict.finding is Finding.ROLLED_BACK) == beyond
    assert verdict.finding is not Finding.FORK
    if verdict.finding is Finding.PROVEN:
        speaking = sum(bool(each.heads) for each in told)
        assert 2 * speaking > len(told) + silent


@given(histories, kept, st.integers(1, 12), st.integers(0, 11))
def test_a_history_that_parted_is_a_fork_for_whoever_saw_the_other_branch(
    written: History, keepers: list[list[int]], end: int, common: int
) -> None:
    end = min(end, len(written.entries))
    common = min(common, end - 1)
    forged = History(
        written.entries[:common]
        + tuple((g, digest("record", b"forged %d" % n)) for n, (g, _) in enumerate(written.entries[common:]))
    )
    log, told = forged.log(end), told_by(written, keepers)
    verdict = judge(asked(log, told), told, len(told))
    seen = [
        h for each in told for h in each.heads if common < h.seq <= end and h.generation >= log.generation
    ]
    assert (verdict.finding is Finding.FORK) == bool(seen)
    if seen:
        assert refuse(verdict, accepted=True) is not None


@given(histories, kept, st.integers(1, 12), st.data())
def test_more_witnesses_never_make_a_finding_milder(
    written: History, keepers: list[list[int]], end: int, data: st.DataObject
) -> None:
    log = written.log(min(end, len(written.entries)))
    told = told_by(written, keepers)
    fewer = [each for each in told if data.draw(st.booleans())]
    all_of_it = ORDER.index(judge(asked(log, told), told, len(told)).finding)
    part = ORDER.index(judge(asked(log, fewer), fewer, len(told)).finding)
    assert all_of_it >= part or part == ORDER.index(Finding.UNPROVEN)


@given(histories, kept)
def test_two_heads_of_one_place_are_a_fork_even_beyond_the_log(
    written: History, keepers: list[list[int]]
) -> None:
    last = len(written.entries)
    other = Witness("liar's twin", (replace(written.head(last), hash=bytes(32)),))
    told = [*told_by(written, keepers), Witness("first", (written.head(last),)), other]
    for end in range(1, last + 1):
        if written.log(end).generation == written.log(last).generation:
            verdict = judge(asked(written.log(end), told), told, len(told))
            assert verdict.finding is Finding.FORK
            assert "liar's twin" in verdict.words


@pytest.mark.parametrize("members", [1, 7, 500])
def test_what_is_said_fits_the_operation_in_a_circle_of_any_size(members: int) -> None:
    """A result has 4,096 bytes, a name of a device 255."""
    told = [Witness("\u6f22" * 85, (Head(1, 9 + n % 9, b"a" * 32),)) for n in range(members)]
    beyond = judge(Log(1, 5), told, members)
    parted = judge(Log(1, 20, dict.fromkeys(range(1, 20), b"b" * 32)), told, members)
    assert (beyond.finding, parted.finding) == (Finding.ROLLED_BACK, Finding.FORK)
    assert max(len(each.words.encode()) for each in (beyond, parted)) < 3500


def test_what_the_words_went_beyond_accuses_nobody() -> None:
    old = Witness("was away", (Head(1, 15, b"a" * 32), Head(1, 15, b"b" * 32)))
    log = Log(2, 12, {12: b"c" * 32})
    assert judge(log, [old], 1).finding is Finding.PROVEN
    assert judge(replace(log, generation=1), [old], 1).finding is Finding.FORK


def test_a_place_that_could_not_be_read_proves_nothing() -> None:
    told = [Witness("keeper", (Head(1, 3, b"a" * 32),))]
    assert judge(Log(1, 5), told, 1).finding is Finding.UNPROVEN
    assert judge(Log(1, 5, {3: b"a" * 32}), told, 1).finding is Finding.PROVEN
    assert judge(Log(1, 5), [], 0).finding is Finding.UNPROVEN


@given(histories, kept, st.integers(1, 12))
def test_a_cloud_that_withholds_places_gains_nothing_by_it(
    written: History, keepers: list[list[int]], end: int
) -> None:
    log, told = written.log(min(end, len(written.entries))), told_by(written, keepers)
    silent = judge(replace(log, places={}, withheld=True), told, len(told))
    assert ORDER.index(silent.finding) >= ORDER.index(Finding.WITHHELD)
    assert ORDER.index(silent.finding) >= ORDER.index(judge(asked(log, told), told, len(told)).finding)
    assert refuse(silent, accepted=False) is not None


def test_only_the_owner_decides_to_go_on_with_an_older_backup() -> None:
    verdict = judge(Log(1, 5), [Witness("Ben's box", (Head(1, 9, b"a" * 32),))], 3)
    refused = refuse(verdict, accepted=False)
    assert refused is not None
    assert refused.reason == "ROLLED_BACK"
    assert "Ben's box of entry 9" in refused.message
    assert "So 4 or more are missing." in refused.message
    assert "accept_rolled_back" in refused.message
    assert refuse(verdict, accepted=True) is None


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ((0, 0, 0), "invite a member"),
        ((0, 0, 3), "No member knows"),
        ((7, 1, 3), "1 of 3 members know of your newest backup (entry 7). The others are told"),
        ((7, 2, 3), "2 of 3 members know of your newest backup (entry 7): a cloud"),
    ],
)
def test_who_knows_of_the_backup_is_told(figures: tuple[int, int, int], words: str) -> None:
    assert words in witness_words(*figures)


def signed(owner: FakeOwner, *, generation: int = 1, locator: bytes = b"") -> HeadRecord:
    return HeadRecord(locator=locator or owner.owner.locator, generation=generation, seq=7, hash=bytes(32))


@pytest.fixture
def ana() -> FakeOwner:
    return FakeOwner("Ana", bytes(16))


def test_a_head_by_the_owners_device_counts(ana: FakeOwner) -> None:
    bare = sign(signed(ana), ana.keys["metadata"])
    both = countersign(bare, ana.kek.locator())
    for head in (bare, both):
        assert read_head(head.to_bytes(), ana.device.to_bytes(), ana.owner) == Head(1, 7, bytes(32))


def test_what_a_lying_keeper_makes_up_does_not(ana: FakeOwner) -> None:
    ben, forger = FakeOwner("Ben", bytes(16)), SigningKey(os.urandom(32))
    device, own = ana.device.to_bytes(), ana.keys["metadata"]
    forged = [
        (sign(signed(ana), forger), device),
        (sign(signed(ana), ana.keys["vault"]), device),
        (sign(signed(ana), ben.keys["metadata"]), ben.device.to_bytes()),
        (sign(signed(ben), ben.keys["metadata"]), ben.device.to_bytes()),
        (sign(signed(ana, locator=ben.owner.locator), own), device),
        (sign(signed(ana, generation=2), own), device),
    ]
    for head, by in forged:
        assert read_head(head.to_bytes(), by, ana.owner) is None
    honest = sign(signed(ana), own).to_bytes()
    for head_bytes, by in ((b"", device), (honest, b""), (honest[:-1], device), (device, device)):
        assert read_head(head_bytes, by, ana.owner) is None


def test_heads_of_the_log_before_new_words_accuse_nobody(ana: FakeOwner) -> None:
    """What the old log left with keepers is beyond the new one's end, and says nothing of it."""
    new = Kek(os.urandom(32))
    now = succeeded(ana.owner, new)
    left = [
        (sign(signed(ana), ana.keys["metadata"]), ana.device),  # the old log, under the old root
        (sign(signed(ana, locator=now.locator), ana.keys["metadata"]), ana.device),  # not yet certified anew
        (sign(signed(ana), ana.keys["metadata"]), renewed(ana, new)),
    ]
    assert [read_head(head.to_bytes(), by.to_bytes(), now) for head, by in left] == [None] * 3
    fresh = sign(signed(ana, locator=now.locator), ana.keys["metadata"])
    assert read_head(fresh.to_bytes(), renewed(ana, new).to_bytes(), now) == Head(1, 7, bytes(32))


def renewed(owner: FakeOwner, new: Kek) -> Signed[Device]:
    """Its device, certified by the words that follow."""
    device = replace(owner.device.record, root=new.owner_root().public, generation=2)
    return sign(device, new.owner_root())
