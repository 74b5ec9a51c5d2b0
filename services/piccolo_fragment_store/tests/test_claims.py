"""Promises and fences: which device of an owner a keeper serves."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import pairwise

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo.fragment_store.v1 import claim_pb2
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.generations import Claim, Promise
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.adapters.promises import FilePromises
from piccolo_fragment_store.core import fences
from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.fences import Claiming, Promised
from piccolo_fragment_store.engine import statements
from piccolo_fragment_store.engine.claims import Claims
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.testing.disk import PowerCut, SimulatedDisk
from piccolo_fragment_store.testing.keeping import HandClock, InlineWorkers, sample
from piccolo_fragment_store.testing.people import Person, circle_of, new_key
from piccolo_fragment_store.tests.peers import Peers, opening, refused, store_request

OWNER = bytes(32)
devices = st.binary(min_size=1, max_size=1)


def promised(generation: int, device: bytes) -> Promised:
    return Promised(generation, device, b"claim of " + device)


@given(st.lists(st.tuples(st.integers(1, 5), devices), max_size=20))
def test_a_promise_never_goes_back_and_stands_for_one_device(claims: list[tuple[int, bytes]]) -> None:
    held: list[Promised | None] = [None]
    for generation, device in claims:
        match fences.judge(held[-1], generation, device):
            case Claiming.PROMISE:
                held.append(promised(generation, device))
            case Claiming.REPEAT:
                assert held[-1] == promised(generation, device)
            case Claiming.FENCED:
                assert held[-1] is not None
                assert held[-1].generation >= generation
    for before, after in pairwise(each for each in held if each):
        assert after.generation > before.generation


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=40), st.integers(0, 4))
def test_of_devices_that_claim_at_once_one_stands_and_every_keeper_shows_the_others_its_claim(
    asked: list[tuple[int, int]], late: int
) -> None:
    """Three devices ask five keepers in any order; whoever is refused moves on beyond what it was shown."""
    keepers: list[Promised | None] = [None] * 5
    generations, won = [2, 2, 2], dict[int, int]()
    for device, keeper in asked:
        generation, name = generations[device], bytes([device])
        stands = fences.standing(keepers[keeper], None, generation)
        if fences.judge(stands, generation, name) is Claiming.FENCED:
            assert stands is not None
            generations[device] = stands.generation + 1
            continue
        keepers[keeper] = promised(generation, name)
        yes = sum(k is not None and (k.generation, k.device) == (generation, name) for k in keepers)
        if yes > len(keepers) // 2:
            assert won.setdefault(generation, device) == device, "one generation, one device"
    if not won:
        return
    newest, winner = max(won.items())
    heard = promised(newest, bytes([winner]))
    for generation in range(1, newest):
        stands = fences.standing(keepers[late], heard, generation)
        assert fences.judge(stands, generation, b"another") is Claiming.FENCED
        assert stands is not None
        assert stands.generation >= newest
    assert fences.standing(keepers[late], heard, newest) is keepers[late], "the promise decides among equals"


def test_a_lower_generation_is_fenced_with_the_claim() -> None:
    fences.check(None, 1)
    fences.check(promised(2, b"d"), 2)
    fences.check(promised(2, b"d"), 3)
    with pytest.raises(PiccoloError) as fenced:
        fences.check(promised(2, b"d"), 1)
    assert (fenced.value.kind, fenced.value.reason) == (Kind.PRECONDITION, "FENCED")
    assert bytes.fromhex(fenced.value.details["claim"]) == b"claim of d"


def test_a_fenced_device_takes_no_inventory() -> None:
    disk, clock = SimulatedDisk(), HandClock()
    promises = FilePromises(disk)
    identity = Identity(new_key(), clock, lambda: None)
    claims = Claims(promises, identity, Nobody(), InlineWorkers())
    assert claims.is_current(OWNER, 1)
    promises.put(OWNER, promised(2, b"d"))
    assert not claims.is_current(OWNER, 1)
    assert claims.is_current(OWNER, 2)


async def test_a_promised_device_is_made_known_beside_a_rival_that_the_circle_heard_of_first() -> None:
    own, ana = Person(), Person()
    mine, rival = ana.next_generation(), ana.next_generation()
    known = circle_of(own, rival)
    trust, device = Admitting(), mine.device()
    claims = Claims(
        FilePromises(SimulatedDisk()), Identity(new_key(), HandClock(), lambda: known), trust, InlineWorkers()
    )
    claim = ana.claim(device)
    for _ in range(2):  # asked again, as attestation may not have told us of it yet
        assert (await claims.claim(ana.id, claim, device.to_bytes())).promise
    assert trust.adopted == [device.to_bytes()] * 2
    known = replace(known, admissions={each.certificate: each for each in mine.admissions()})
    assert (await claims.claim(ana.id, claim, device.to_bytes())).promise
    assert len(trust.adopted) == 2


async def test_a_keeper_that_only_heard_of_a_newer_device_refuses_the_older_with_its_claim() -> None:
    own, ana = Person(), Person()
    old, new = ana.next_generation(), ana.next_generation().next_generation()
    known = circle_of(own, new)
    known = replace(
        known, owners={**known.owners, ana.id: replace(known.owners[ana.id], claim=ana.claim(new.device()))}
    )
    promises, trust = FilePromises(SimulatedDisk()), Admitting()
    claims = Claims(promises, Identity(new_key(), HandClock(), lambda: known), trust, InlineWorkers())
    late = old.device()
    answer = await claims.claim(ana.id, ana.claim(late), late.to_bytes())
    assert (answer.promise, answer.fenced_by) == (b"", known.owners[ana.id].claim)
    assert (promises.get(ana.id), trust.adopted) == (None, [])
    ahead = replace(new, generation=4).device()
    assert (await claims.claim(ana.id, ana.claim(ahead), ahead.to_bytes())).promise


class Nobody:
    """No attestation."""

    async def register(self, endpoint: str, offer_bytes: int) -> None:
        raise NotImplementedError

    async def watch(self) -> AsyncIterator[tuple[Circle, bytes]]:
        raise NotImplementedError
        yield

    async def adopt(self, device: bytes, claim: bytes, successors: Sequence[bytes]) -> None:
        raise NotImplementedError


class Admitting(Nobody):
    """Attestation that admits whoever it is asked to."""

    def __init__(self) -> None:
        self.adopted: list[bytes] = []

    async def adopt(self, device: bytes, claim: bytes, successors: Sequence[bytes]) -> None:
        self.adopted.append(device)


def test_a_promise_survives_a_power_cut_at_any_step() -> None:
    for stop_at in range(1, 24):
        disk, answered = SimulatedDisk(), 0
        disk.stop_at = stop_at
        try:
            promises = FilePromises(disk)
            for generation in (1, 2):
                promises.put(OWNER, promised(generation, b"d"))
                answered = generation
        except PowerCut:
            pass
        for seed in range(4):
            disk.restart(random.Random(seed))
            found = FilePromises(disk).get(OWNER)
            assert (found.generation if found else 0) >= answered
            assert found in (None, promised(1, b"d"), promised(2, b"d"))


@pytest.mark.parametrize("name", [OWNER.hex(), f"{OWNER.hex()}.copy"])
def test_a_promise_with_a_flipped_bit_is_made_whole_from_its_copy(name: str) -> None:
    """Else the owner could neither write here nor take a new generation any more."""
    disk = SimulatedDisk()
    FilePromises(disk).put(OWNER, promised(2, b"d"))
    whole = bytes(disk.content(f"promises/{name}"))
    for bit in range(8 * len(whole)):
        disk.content(f"promises/{name}")[bit // 8] ^= 1 << bit % 8
        assert FilePromises(disk).get(OWNER) == promised(2, b"d")
        assert disk.content(f"promises/{name}") == whole


def test_the_higher_of_two_promises_counts() -> None:
    """The power went between the two, or a file of an earlier day came back."""
    disk = SimulatedDisk()
    FilePromises(disk).put(OWNER, promised(2, b"d"))
    before = bytes(disk.content(f"promises/{OWNER.hex()}"))
    FilePromises(disk).put(OWNER, promised(3, b"e"))
    for name in (OWNER.hex(), f"{OWNER.hex()}.copy"):
        disk.content(f"promises/{name}")[:] = before
        assert FilePromises(disk).get(OWNER) == promised(3, b"e")


def test_a_promise_that_cannot_be_read_is_not_taken_for_none() -> None:
    disk = SimulatedDisk()
    FilePromises(disk).put(OWNER, promised(2, b"d"))
    for name in (OWNER.hex(), f"{OWNER.hex()}.copy"):
        disk.content(f"promises/{name}")[3] ^= 1
    with pytest.raises(PiccoloError) as damaged:
        FilePromises(disk).get(OWNER)
    assert damaged.value.reason == "PROMISE_DAMAGED"


def test_claim_device_and_circle_must_belong_together() -> None:
    own, ana, ben = Person(), Person(), Person()
    circle = circle_of(own, ana, ben)
    second, third = ana.next_generation(), replace(ana.next_generation(), generation=3)
    device = second.device()
    statements.claim(ana.claim(device), device.to_bytes(), (), ana.id, circle)
    wrong = [
        (ana.claim(third.device()), device.to_bytes(), "CLAIM_MISMATCH"),
        (ana.claim(second.device()), device.to_bytes(), "CLAIM_MISMATCH"),  # another one of its generation
        (ana.claim(device, circle=bytes(16)), device.to_bytes(), "CLAIM_MISMATCH"),
        (ben.claim(device), device.to_bytes(), "SIGNATURE_INVALID"),
        (ana.claim(device), ben.device().to_bytes(), "SIGNATURE_INVALID"),
        (b"nothing", device.to_bytes(), "STATEMENT_INVALID"),
        (ana.claim(device), b"nothing", "STATEMENT_INVALID"),
    ]
    for claim, said, reason in wrong:
        with pytest.raises(PiccoloError) as refused_:
            statements.claim(claim, said, (), ana.id, circle)
        assert refused_.value.reason == reason


@pytest.mark.component
async def test_the_words_bring_a_new_device_and_fence_the_old_one(peers: Peers) -> None:
    piece, second = sample(peers.ana.id, 1), peers.ana.next_generation()
    device = second.device()
    claim = claim_pb2.ClaimRequest(claim=peers.ana.claim(device), device=device.to_bytes())
    async with peers.calling(peers.ana.vault_tls) as old:
        await old.Store(store_request(peers.ana, piece, 1))
        async with peers.calling(peers.ana.enrol) as blank:
            answer = await blank.Claim(claim)
            again = await blank.Claim(claim)
        signing = peers.attestation.registered[0].keys.signing
        promise = open_signed(Promise, answer.promise, [signing]).record
        assert (promise.owner, promise.keeper, promise.generation) == (peers.ana.id, peers.own.id, 2)
        assert promise.device == device.record_hash()
        assert again.promise
        assert peers.attestation.adopted == [(device.to_bytes(), claim.claim)] * 2
        for mutation in (
            old.Store(store_request(peers.ana, piece, 2)),
            old.Commit(wire.CommitRequest(**_commit(peers, piece.key.fragment, piece.root))),
            old.PutRecord(
                wire.PutRecordRequest(fragment_id=piece.key.fragment, commit_record=peers.ana.commit(1, 9))
            ),
            old.Bury(wire.BuryRequest(tombstone=peers.ana.tombstone([piece.key.fragment], 1, 9))),
            old.Unbury(wire.UnburyRequest(undelete=peers.ana.undelete([piece.key.fragment], 1, 9))),
        ):
            async with refused("FENCED") as caught:
                await mutation
            fence = bytes.fromhex(caught[0].details["claim"])
            assert open_signed(Claim, fence, [peers.ana.root.public]).record.generation == 2
        async with refused("FENCED"):
            async for _ in old.Put(iter([opening(piece, 3)])):
                pass
        assert len((await old.ListMine(wire.ListMineRequest())).fragments) == 1  # it may still look


def _commit(peers: Peers, fragment: bytes, root: bytes) -> dict[str, bytes]:
    return {"fragment_id": fragment, "root": root, "commit_record": peers.ana.commit(1, 9)}


@pytest.mark.component
async def test_of_two_devices_of_a_generation_the_second_gets_the_firsts_claim(peers: Peers) -> None:
    first, second = peers.ana.next_generation().device(), peers.ana.next_generation().device()
    async with peers.calling(peers.ana.enrol) as blank:
        claim = peers.ana.claim(first)
        await blank.Claim(claim_pb2.ClaimRequest(claim=claim, device=first.to_bytes()))
        answer = await blank.Claim(
            claim_pb2.ClaimRequest(claim=peers.ana.claim(second), device=second.to_bytes())
        )
    assert not answer.promise
    assert answer.fenced_by == claim


@pytest.mark.component
async def test_a_claim_that_attestation_could_not_take_is_asked_again(peers: Peers) -> None:
    device = peers.ana.next_generation().device()
    claim = claim_pb2.ClaimRequest(claim=peers.ana.claim(device), device=device.to_bytes())
    async with peers.calling(peers.ana.enrol) as blank:
        peers.attestation.refuse = grpc.StatusCode.UNAVAILABLE
        async with refused("UNAVAILABLE"):
            await blank.Claim(claim)
        peers.attestation.refuse = None
        assert (await blank.Claim(claim)).promise
    assert peers.attestation.adopted == [(device.to_bytes(), claim.claim)]


@pytest.mark.component
async def test_a_device_that_was_replaced_gets_its_own_and_hears_by_whom_whatever_else_it_tries(
    peers: Peers,
) -> None:
    piece, second = sample(peers.ana.id, 1), peers.ana.next_generation()
    async with peers.calling(peers.ana.vault_tls) as old:
        await old.Store(store_request(peers.ana, piece, 1))
        await peers.attestation.tell(peers.circle_with(second))
        async with peers.calling(second.vault_tls) as new:
            await new.ListMine(wire.ListMineRequest())
        for attempt in (
            lambda: old.Store(store_request(peers.ana, piece, 2)),
            lambda: old.Commit(wire.CommitRequest(**_commit(peers, piece.key.fragment, piece.root))),
            lambda: old.Notice(wire.NoticeRequest()),
            lambda: old.KeepHead(claim_pb2.KeepHeadRequest()),
        ):
            async with refused("FENCED") as caught:
                await attempt()
            shown = bytes.fromhex(caught[0].details["claim"])
            assert open_signed(Claim, shown, [peers.ana.root.public]).record.generation == 2
        assert len((await old.ListMine(wire.ListMineRequest())).fragments) == 1
        assert (await old.Stat(wire.StatRequest(fragment_ids=[piece.key.fragment]))).fragments


@pytest.mark.component
async def test_whoever_has_the_words_purges_nothing_by_an_order_of_another_generation(peers: Peers) -> None:
    """What is written into an order is the writer's word; how long its device has been known is not."""
    second = peers.ana.next_generation()
    piece, other = sample(peers.ana.id, 1), sample(peers.ana.id, 2)
    async with peers.calling(peers.ana.vault_tls) as keeper:
        for each in (piece, other):
            await keeper.Store(store_request(peers.ana, each, 1))
    await peers.attestation.tell(peers.circle_with(second))
    async with peers.calling(second.vault_tls) as keeper:
        old = second.tombstone([piece.key.fragment], 1, 2**40, purge=True)
        async with refused("PURGE_TOO_EARLY"):
            await keeper.Bury(wire.BuryRequest(tombstone=old))
        later = second.tombstone([piece.key.fragment], 3, 5)
        async with refused("OTHER_GENERATION"):
            await keeper.Bury(wire.BuryRequest(tombstone=later))
        async with refused("OTHER_GENERATION"):
            await keeper.Unbury(wire.UnburyRequest(undelete=second.undelete([piece.key.fragment], 2**62, 5)))
        found = await keeper.Stat(wire.StatRequest(fragment_ids=[piece.key.fragment]))
        assert [each.state for each in found.fragments] == [wire.FRAGMENT_STATE_LIVE]


@pytest.mark.component
async def test_an_order_that_waited_for_a_recovery_is_obeyed(peers: Peers) -> None:
    """Its generation is the one before: the device that brings it is the one that is promised."""
    second = peers.ana.next_generation()
    piece = sample(peers.ana.id, 1)
    async with peers.calling(peers.ana.vault_tls) as keeper:
        await keeper.Store(store_request(peers.ana, piece, 1))
    await peers.attestation.tell(peers.circle_with(second))
    async with peers.calling(second.vault_tls) as keeper:
        device = second.device()
        claim = peers.ana.claim(device)
        await keeper.Claim(claim_pb2.ClaimRequest(claim=claim, device=device.to_bytes()))
        waited = second.tombstone([piece.key.fragment], 1, 5)
        assert (await keeper.Bury(wire.BuryRequest(tombstone=waited))).buried == 1


@pytest.mark.component
async def test_a_recovered_device_may_not_purge_yet(peers: Peers) -> None:
    second = peers.ana.next_generation()
    piece = sample(peers.ana.id, 1)
    await peers.attestation.tell(peers.circle_with(second))
    async with peers.calling(second.vault_tls) as keeper:
        await keeper.Store(store_request(second, piece, 1))
        tombstone = second.tombstone([piece.key.fragment], 2, 5, purge=True)
        async with refused("PURGE_TOO_EARLY"):
            await keeper.Bury(wire.BuryRequest(tombstone=tombstone))
        tombstone = second.tombstone([piece.key.fragment], 2, 6)
        assert (await keeper.Bury(wire.BuryRequest(tombstone=tombstone))).buried == 1
