"""Devices that are away, locked, cut off, lost, restored, or whose disk is full."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.roster import MemberState
from piccolo_formats.signed import sign

from piccolo_attestation.core import bundle
from piccolo_attestation.engine.gossip import GossipPace
from piccolo_attestation.engine.identity import Identity, RoleKeys
from piccolo_attestation.engine.remembering import PIECE, Remembering, values
from piccolo_attestation.testing import NOW, Owner, certificate, first_roster, signing_key
from piccolo_attestation.tests.devices import (
    Device,
    FakePeers,
    Network,
    grown,
    network_jitter,
    running,
    settled,
)

NAMES = ("ana", "ben", "cleo", "dan", "eve")


def devices(network: Network, count: int) -> list[Device]:
    return [Device(Owner.named(name), network, f"{name}.example:7000") for name in NAMES[:count]]


async def refused(reason: str, work: Awaitable[object]) -> None:
    with pytest.raises(PiccoloError) as error:
        await work
    assert error.value.reason == reason, error.value.message


def state(device: Device, owner: Owner) -> MemberState | None:
    member = device.circle.view.member(owner.id) if device.circle.view else None
    return member.state if member else None


async def test_who_is_cut_off_is_cut_off_everywhere() -> None:
    group = devices(Network(), 4)
    async with running(*group) as works:
        await grown(group)
        dan = group[3]
        for device in group[:3]:
            device.consents = True
        await group[0].proposals.remove(dan.owner.id, MemberState.COMPROMISED)
        for device in group[:3]:
            await device.until(lambda it=device: state(it, dan.owner) is MemberState.COMPROMISED)  # type: ignore[misc]
            assert device.admission(dan.identity.own.certificate) is None
        back = await restored(dan, works, group[0])
        await settled([*group[:3], back])
        assert state(group[1], dan.owner) is MemberState.ACTIVE


async def restored(lost: Device, works: Any, keeper: Device, backup: bytes | None = None) -> Device:
    """A blank device with the words: rejoins from a backup, claims at one keeper."""
    await works.stop(lost)
    records = bundle.decode(backup) if backup else lost.circle.trusted.records()
    new = Device(lost.owner, lost.network, f"new-{lost.endpoint}", generation=lost.generation + 1)
    await works.start(new)
    certified = new.certified().to_bytes()
    await new.circle.rejoin(records, certified)
    assert new.circle.unheard > 0
    await refused("UNSETTLED", new.proposals.prepare(new.circle.trusted.head.record_hash(), 1))
    await keeper.circle.adopt(certified, b"")
    await new.until(lambda: new.circle.unheard == 0)
    return new


async def test_a_lost_device_comes_back_by_an_old_backup_and_one_keeper() -> None:
    group = devices(Network(), 5)
    async with running(*group) as works:
        await grown(group[:3])
        backup = bundle.encode(group[0].circle.trusted.records())
        for late in group[3:]:
            await late.join((await group[0].invite()).link)
        await settled(group)
        old = group[0]
        new = await restored(old, works, group[1], backup)
        await settled([new, *group[1:]])
        member = group[4].circle.view.member(old.owner.id) if group[4].circle.view else None
        assert member is not None
        assert (member.generation, member.endpoints) == (2, (new.endpoint,))
        late = Device(Owner.named("late"), old.network, "late.example:7000")
        await works.start(late)
        await late.join((await new.invite()).link)  # it is an admin again
        await works.start(old)  # somebody finds the lost box and switches it on
        await old.until(lambda: bool(old.circle.fenced))
        vault = certificate(f"{old.endpoint}/1/vault")
        admitted = group[1].admission(vault)
        assert admitted is not None
        assert admitted.replaced
        peers = FakePeers(old.network, old.endpoint, old.identity.own.certificate)
        with pytest.raises(PiccoloError, match="not for this caller"):
            await peers.agree(old.circle.peers()[0], bytes(32), 1, b"")


async def test_a_restored_device_turns_to_as_many_as_it_must_hear() -> None:
    network, quiet = Network(), GossipPace(interval=3600.0, gather=0.0, fanout=1)
    group = devices(network, 5)
    async with running(*group) as works:
        await grown(group)
        lost, away, *others = group
        records = lost.circle.trusted.records()
        await works.stop(lost)
        await works.stop(away)
        for device in others:
            device.gossip._pace = quiet
        new = Device(lost.owner, network, "new.example:7000", generation=2, pace=quiet)
        await works.start(new)
        certified = new.certified().to_bytes()
        for device in others:
            await device.circle.adopt(certified, b"")
        await new.circle.rejoin(records, certified)
        assert new.circle.unheard == 3
        await new.until(lambda: new.circle.unheard == 0)


async def test_a_device_that_was_replaced_learns_it_and_falls_silent() -> None:
    group = devices(Network(), 3)
    async with running(*group):
        await grown(group)
        ana, ben = group[0], group[1]
        second = Owner.named("ben").device(2)
        await ana.circle.adopt(second.to_bytes(), Owner.named("ben").claim(2).to_bytes())
        await ben.until(lambda: bool(ben.circle.fenced))
        assert "generation 2" in ben.circle.fenced
        await refused("FENCED", ben.invite())
        assert ben.proposals.listing() == []
        before = ben.circle.trusted.hashes()
        await ben.identity.register(
            "fragment-store",
            RoleKeys(ben.identity.roles["fragment-store"].signing, ben.server_certificate),
            "elsewhere.example:1",
            7,
        )
        await ben.circle.announce()
        assert ben.circle.trusted.hashes() == before
        await refused("CERTIFICATE_OLD", _reinstall(ben))


async def test_of_two_of_one_generation_each_that_is_known_hears_of_the_one_that_went_beyond() -> None:
    group = devices(Network(), 3)
    async with running(*group) as works:
        await grown(group)
        ana, lost, cleo = group
        owner = lost.owner
        for each in (ana, cleo):
            await each.circle.adopt(owner.device(2).to_bytes(), owner.claim(2).to_bytes())
        twin = await restored(lost, works, ana)
        assert len(ana.circle.trusted.holders(owner.id)) == 2
        assert not twin.circle.fenced
        await cleo.circle.adopt(owner.device(3).to_bytes(), owner.claim(3).to_bytes())
        await twin.until(lambda: bool(twin.circle.fenced))
        assert "(generation 3) took over from this device (generation 2)" in twin.circle.fenced
        await refused("FENCED", twin.invite())


async def _reinstall(device: Device) -> None:
    """Installs a certificate of the generation that was replaced."""
    record = replace(device.certified().record, created=NOW + 1)
    await device.circle.install(sign(record, device.owner.kek.owner_root()).to_bytes())


async def test_two_halves_find_together() -> None:
    network = Network()
    group = devices(network, 5)
    async with running(*group):
        await grown(group[:4])
        network.cut = {frozenset((one.endpoint, other.endpoint)) for one in group[:2] for other in group[2:4]}
        eve = group[4]
        network.cut |= {frozenset((eve.endpoint, other.endpoint)) for other in group[2:4]}
        await eve.join((await group[0].invite()).link)
        assert len(group[2].members()) == 4
        network.cut = set()
        await settled(group)


async def test_a_new_address_is_told_to_all() -> None:
    group = devices(Network(), 4)
    async with running(*group):
        await grown(group)
        dan = group[3]
        before = dan.identity.roles["fragment-store"]
        await dan.identity.register("fragment-store", before, "moved.example:1", 5)
        await dan.circle.announce()
        for device in group[:3]:
            await device.until(
                lambda it=device: it.circle.view.member(dan.owner.id).endpoints == ("moved.example:1",)  # type: ignore[misc]
            )


async def test_what_is_not_durable_is_not_believed() -> None:
    group = devices(Network(), 2)
    async with running(*group) as works:
        await grown(group)
        ana, ben = group
        before = ben.circle.trusted.hashes()
        news = ana.circle.presence(9)
        ben.files.full = True
        await refused("DISK_FULL", ben.circle.take([news.to_bytes()]))
        await refused("DISK_FULL", ben.proposals.prepare(ben.circle.trusted.head.record_hash(), 1))
        await refused("DISK_FULL", ben.invite())
        assert ben.circle.trusted.hashes() == before
        assert ben.proposals.acceptor.promised == 0
        assert ben.invitations.listing() == []
        ben.files.full = False
        assert await ben.circle.take([news.to_bytes()])
        await works.start(ben)
        assert news.record_hash() in ben.circle.trusted.hashes()


async def test_a_full_disk_ends_nothing() -> None:
    group = devices(Network(), 3)
    async with running(*group):
        await grown(group[:2])
        ben = group[1]
        ben.files.full = True
        joining = asyncio.create_task(group[2].join((await group[0].invite()).link))
        await group[0].until(lambda: bool(group[0].proposals.current()))
        assert not joining.done()
        ben.files.full = False
        await joining
        await settled(group)


async def test_everything_is_there_after_a_restart() -> None:
    group = devices(Network(), 3)
    async with running(*group) as works:
        await grown(group)
        views = [device.circle.view for device in group]
        ana = group[0]
        made = await ana.invite()
        await ana.proposals.prepare(ana.circle.trusted.head.record_hash(), 77)
        for device in group:
            await works.start(device)
        assert [device.circle.view for device in group] == views
        assert ana.invitations.listing()[0].id == made.id
        assert ana.proposals.acceptor.promised == 77


async def test_a_certificate_that_was_kept_before_a_crash_is_told_after_it() -> None:
    group = devices(Network(), 2)
    async with running(*group) as works:
        await grown(group)
        ana, ben = group
        ben.generation = 2
        for role in ("vault", "metadata", "fragment-store"):
            await ben.register(role)
        ben.files.broken = "circle"
        await refused("DISK_FULL", ben.circle.install(ben.certified().to_bytes()))
        ben.files.broken = ""
        await works.start(ben)
        assert ben.circle.me.generation == 2
        await ana.circle.adopt(ben.circle.me.device, b"")
        await settled(group)


async def test_the_memory_holds_a_bundle_that_rejoins() -> None:
    group = devices(Network(), 3)
    async with running(*group):
        await grown(group)
        ana = group[0]
        remembering = Remembering(ana.circle, ana.memory, network_jitter)
        ana.memory.values = {"bundle/0007": b"left over", "other": b"not ours"}
        ana.memory.away = True
        await refused("UNAVAILABLE", remembering.once())
        ana.memory.away = False
        await remembering.once()
        assert set(bundle.decode(ana.memory.values["bundle"])) == set(ana.circle.trusted.records())
        assert "bundle/0007" not in ana.memory.values
        assert ana.memory.values["other"] == b"not ours"


def test_a_large_bundle_is_cut_into_values_that_fit() -> None:
    data = bytes(range(256)) * (10 * PIECE // 1024)
    cut = values(data)
    assert all(len(value) <= PIECE for value in cut.values())
    assert b"".join(cut[key] for key in sorted(cut)) == data
    assert values(b"small") == {"bundle": b"small"}


async def test_processes_that_register_at_once_are_all_remembered() -> None:
    ana = devices(Network(), 1)[0]
    await ana.start()
    fresh = Device(ana.owner, ana.network, "other.example:1")
    fresh.identity = await Identity.open(fresh.files, ana.network.random)
    await asyncio.gather(*map(fresh.register, ("vault", "metadata", "fragment-store")))
    assert fresh.identity.missing == []
    assert (await Identity.open(fresh.files, ana.network.random)).roles == fresh.identity.roles


async def test_keys_are_checked_and_kept() -> None:
    network = Network()
    ana = devices(network, 1)[0]
    async with running(ana) as works:
        own = ana.identity.own.certificate
        await works.start(ana)
        assert ana.identity.own.certificate == own
        await refused("ROLE_OWN", ana.identity.register("attestation", RoleKeys(bytes(32), b""), "", 0))
        await refused("ROLE_WRONG", ana.identity.register("vault", RoleKeys(bytes(32), b""), "", 0))
        await refused("ROLE_WRONG", ana.identity.register("vault", RoleKeys(b"", b""), "", 0))
        await refused(
            "ROLE_WRONG", ana.identity.register("metadata", RoleKeys(bytes(32), certificate("x")), "", 0)
        )
        await refused("RECORD_MALFORMED", ana.identity.register("vault", RoleKeys(bytes(32), b"x"), "", 0))
        await refused("CERTIFICATE_MISMATCH", ana.circle.install(ana.owner.device().to_bytes()))
        await ana.found()
        await refused("IN_A_CIRCLE", ana.circle.rejoin([_elsewhere()], ana.certified().to_bytes()))
        assert await ana.register("vault")
        other = RoleKeys(signing_key("new").public, certificate("new"))
        assert not await ana.identity.register("vault", other, "", 0)
        ana.generation = 2
        await ana.circle.install(_with_vault(ana, other))
        member = ana.circle.me
        assert (member.generation, member.endpoints) == (2, (ana.endpoint,))


def _elsewhere() -> bytes:
    return first_roster(Owner.named("ben"), circle=bytes(16)).to_bytes()


def _with_vault(device: Device, vault: RoleKeys) -> bytes:
    assert device.identity.roles["vault"] == vault
    return device.certified().to_bytes()
