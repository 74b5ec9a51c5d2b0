"""Heads of backup logs: what a keeper keeps of them, and what no power cut and no stranger changes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo.fragment_store.v1 import claim_pb2 as wire
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.device import Device
from piccolo_formats.signed import Signed, countersign

from piccolo_fragment_store.adapters.heads import FileHeads
from piccolo_fragment_store.core import heads
from piccolo_fragment_store.core.heads import Head
from piccolo_fragment_store.engine import statements
from piccolo_fragment_store.testing.disk import PowerCut, SimulatedDisk
from piccolo_fragment_store.testing.people import Person, circle_of
from piccolo_fragment_store.tests.peers import Peers, refused

hashes = st.sampled_from([b"a", b"b", b"c"])
told = st.builds(
    lambda generation, seq, hash_, signers: Head(b"log", generation, seq, hash_, signers, b"head", b"device"),
    st.integers(1, 3),
    st.integers(1, 4),
    hashes,
    st.integers(1, 2),
)


@given(st.lists(told, max_size=30))
def test_heads_only_rise_and_evidence_stays_until_the_words_speak(coming: list[Head]) -> None:
    kept: list[Head] = []
    seen: dict[tuple[int, int], set[bytes]] = {}
    for head in coming:
        known = any((each.place, each.hash) == (head.place, head.hash) for each in kept)
        if kept and head.place < kept[0].place and not known:
            with pytest.raises(PiccoloError, match="newer head"):
                heads.keep(kept, head)
            continue
        after = heads.keep(kept, head)
        seen.setdefault(head.place, set()).add(head.hash)
        assert after[0].place == max([head.place, *(each.place for each in kept)])
        assert len(after) <= 3
        assert {each.generation for each in after} == {after[0].generation}
        pairs = {each.place for each in after if sum(e.place == each.place for e in after) == 2}
        if any(len(each) > 1 for place, each in seen.items() if place[0] == after[0].generation):
            assert len(pairs) == 1
        kept = after


def test_a_countersigned_head_takes_the_place_of_the_bare_one() -> None:
    bare = Head(b"log", 1, 5, b"a", 1, b"bare", b"device")
    signed = replace(bare, signers=2, signed=b"countersigned")
    assert heads.keep([bare], signed) == [signed]
    assert heads.keep([signed], bare) == [signed]


def test_another_log_takes_the_place_of_the_one_before() -> None:
    before = [Head(b"log", 1, 9, hash_, 1, b"head", b"device") for hash_ in (b"a", b"b")]
    moved = replace(before[0], locator=b"another", seq=1)
    assert heads.keep(before, moved) == [moved]


def opened(person: Person, seq: int, filling: bytes = b"entry") -> Head:
    head, device = person.head(person.generation, seq, filling), person.device().to_bytes()
    place = (head.record.locator, person.generation, seq)
    return Head(*place, head.record.hash, 1, head.to_bytes(), device)


def test_a_head_survives_a_power_cut_at_any_step() -> None:
    ana = Person()
    first, second = [opened(ana, 1)], [opened(ana, 2)]
    for stop_at in range(1, 12):
        disk, answered = SimulatedDisk(), 0
        disk.stop_at = stop_at
        try:
            store = FileHeads(disk)
            for seq, each in enumerate((first, second), 1):
                store.put(ana.id, each)
                answered = seq
        except PowerCut:
            pass
        for seed in range(4):
            disk.restart(random.Random(seed))
            found = FileHeads(disk).get(ana.id)
            assert found in ([], first, second)
            assert (found[0].seq if found else 0) >= answered


def test_what_cannot_be_read_is_none_and_is_replaced() -> None:
    ana, disk = Person(), SimulatedDisk()
    store = FileHeads(disk)
    store.put(ana.id, [opened(ana, 1)])
    disk.content(f"heads/{ana.id.hex()}")[3] ^= 1
    assert store.get(ana.id) == []
    store.put(ana.id, [opened(ana, 2)])
    assert [each.seq for each in store.get(ana.id)] == [2]


def test_only_the_device_in_force_or_a_newer_one_leaves_heads() -> None:
    own, ben = Person(), Person()
    first = Person()
    ana, third = first.next_generation(), replace(first.next_generation(), generation=3)
    circle = circle_of(own, ana, ben)

    def reason(head: bytes, device: Signed[Device], owner: bytes = ana.id) -> str:
        try:
            statements.head(head, device.to_bytes(), owner, circle)
        except PiccoloError as wrong:
            return wrong.reason
        return ""

    assert reason(ana.head(2, 7).to_bytes(), ana.device()) == ""
    assert reason(ana.head(1, 7).to_bytes(), ana.device()) == ""  # restored, and not claimed yet
    assert reason(third.head(3, 7).to_bytes(), third.device()) == ""
    assert reason(first.head(1, 7).to_bytes(), first.device()) == "SIGNATURE_INVALID"
    assert reason(ana.head(3, 7).to_bytes(), ana.device()) == "SIGNATURE_INVALID"
    assert reason(ben.head(2, 7).to_bytes(), ana.device()) == "SIGNATURE_INVALID"
    assert reason(ben.head(1, 7).to_bytes(), ben.device()) == "SIGNATURE_INVALID"
    assert reason(ana.head(2, 7).to_bytes(), ana.device(), ben.id) == "SIGNATURE_INVALID"
    assert reason(b"nothing", ana.device()) == "STATEMENT_INVALID"
    assert reason(ana.head(2, 7).to_bytes(), ana.device(), bytes(32)) == "OTHER_OWNER"


def request(person: Person, seq: int, filling: bytes = b"entry") -> wire.KeepHeadRequest:
    head = person.head(person.generation, seq, filling)
    kept = wire.KeptHead(head=head.to_bytes(), device=person.device().to_bytes())
    return wire.KeepHeadRequest(head=kept)


@pytest.mark.component
async def test_heads_are_left_and_read_back_by_the_words(peers: Peers) -> None:
    ana = peers.ana
    async with peers.calling(ana.vault_tls) as vault, peers.calling(ana.enrol) as blank:
        assert not (await blank.GetHeads(wire.GetHeadsRequest())).heads
        for seq in (3, 4):
            await vault.KeepHead(request(ana, seq))
        async with refused("HEAD_OLDER"):
            await vault.KeepHead(request(ana, 3))
        signed = countersign(ana.head(1, 4), ana.admin).to_bytes()
        device = ana.device().to_bytes()
        await vault.KeepHead(wire.KeepHeadRequest(head=wire.KeptHead(head=signed, device=device)))
        assert [each.head for each in (await blank.GetHeads(wire.GetHeadsRequest())).heads] == [signed]
        await vault.KeepHead(request(ana, 4, b"another history"))
        assert len((await blank.GetHeads(wire.GetHeadsRequest())).heads) == 2
        async with refused("NOT_ALLOWED"):
            await blank.KeepHead(request(ana, 5))
        async with refused("SIGNATURE_INVALID"):
            await vault.KeepHead(request(peers.ben, 5))
    async with peers.calling(peers.ben.vault_tls) as other:
        assert not (await other.GetHeads(wire.GetHeadsRequest())).heads


@pytest.mark.component
async def test_a_fenced_device_leaves_no_head(peers: Peers) -> None:
    ana, second = peers.ana, peers.ana.next_generation()
    device = second.device()
    async with peers.calling(ana.vault_tls) as vault, peers.calling(ana.enrol) as blank:
        await vault.KeepHead(request(ana, 3))
        await blank.Claim(wire.ClaimRequest(claim=ana.claim(device), device=device.to_bytes()))
        async with refused("FENCED"):
            await vault.KeepHead(request(ana, 4))
        (kept,) = (await blank.GetHeads(wire.GetHeadsRequest())).heads
        assert kept.head == ana.head(1, 3).to_bytes()
