"""After a restore: when a member counts as heard."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_formats.records.roster import MemberState

from piccolo_attestation.core import kept, proposals
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.gossip import Gossip, GossipPace
from piccolo_attestation.engine.identity import Identity
from piccolo_attestation.testing import NOW, FakeFiles, Owner, grown, signed_by
from piccolo_attestation.tests.devices import FakePeers, Network

ANA, BEN, CLEO, DAN = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan"))
BACKUP = grown(ANA, BEN, CLEO)
NOW_THERE = BACKUP.copy()
NOW_THERE.merge(
    [signed_by(proposals.remove(NOW_THERE, CLEO.id, MemberState.EXPELLED, NOW), ANA, BEN).to_bytes()]
)
HASHES = [hash_[:16] for hash_ in NOW_THERE.hashes()]


class Restored:
    """ANA's device, back from a backup that knows nothing of CLEO's end."""

    async def start(self) -> Restored:
        files = FakeFiles()
        identity = await Identity.open(files, bytes)
        identity.certificate = ANA.device()
        identity.own = replace(identity.own, signing=ANA.key("attestation"))
        state = kept.Circle(records=tuple(BACKUP.records()), unsettled=True)
        await files.save("circle", state.to_record())
        self.circle = Circle(files, identity, lambda: NOW)
        peers = FakePeers(Network(), "ana.example:1", b"")
        self.gossip = Gossip(self.circle, peers, GossipPace(), lambda: 0.5)
        return self


@pytest.fixture
async def ana() -> Restored:
    return await Restored().start()


async def test_who_told_hashes_only_was_not_heard_yet(ana: Restored) -> None:
    for who in (BEN, CLEO):
        answer = await ana.gossip.answer(who.id, [], HASHES)
        assert len(answer.want) == 1
    assert ana.circle.unheard == 2
    assert ana.circle.heard == {}


async def test_who_brought_what_was_wanted_was_heard(ana: Restored) -> None:
    await ana.gossip.answer(BEN.id, BACKUP.records(), [])  # unasked: nobody knows what else it has
    await ana.gossip.answer(BEN.id, [], HASHES)
    await ana.gossip.answer(BEN.id, BACKUP.records(), [])  # not what was asked for
    assert BEN.id not in ana.circle.heard
    await ana.gossip.answer(BEN.id, NOW_THERE.records(), [])
    assert BEN.id in ana.circle.heard
    assert ana.circle.trusted.head.record.epoch == 4


async def test_who_has_nothing_new_was_heard(ana: Restored) -> None:
    await ana.gossip.answer(BEN.id, [], [hash_[:16] for hash_ in BACKUP.hashes()])
    assert BEN.id in ana.circle.heard


async def test_a_record_that_is_refused_here_does_not_keep_a_member_from_being_heard(ana: Restored) -> None:
    foreign = DAN.device()
    await ana.gossip.answer(BEN.id, [], [foreign.record_hash()[:16]])
    assert ana.circle.heard == {}
    await ana.gossip.answer(BEN.id, [foreign.to_bytes()], [])
    assert BEN.id in ana.circle.heard
