"""An invitation is good once, for its time, for its circle, and tells in words why it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.invitations import InvitationCode, InvitationLink
from piccolo_formats.signed import sign
from piccolo_formats.tls import make_certificate

from piccolo_attestation.core import joining, kept
from piccolo_attestation.engine.invitations import LIFETIME
from piccolo_attestation.testing import Owner, first_roster, grown, signing_key
from piccolo_attestation.tests.devices import Device, Network, running, settled

ANA, BEN, CLEO, DAN = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan"))
DAY = 24 * 3600


def device(network: Network, owner: Owner) -> Device:
    return Device(owner, network, f"{owner.name}.example:7000")


async def refused(reason: str, work: Awaitable[object]) -> str:
    with pytest.raises(PiccoloError) as error:
        await work
    assert error.value.reason == reason, error.value.message
    return error.value.message


async def test_an_invitation_is_used_once() -> None:
    network = Network()
    ana, ben, cleo = (device(network, owner) for owner in (ANA, BEN, CLEO))
    async with running(ana, ben, cleo):
        await ana.found()
        made = await ana.invite()
        await ben.join(made.link)
        await settled([ana, ben])
        message = await refused("INVITATION_USED", cleo.join(made.link))
        assert "new one" in message
        await ben.join(made.link)  # its owner may repeat it
        assert ana.circle.trusted.head.record.epoch == 2
        assert kept.read(kept.Invitations, ana.files.content["invitations"]).invitations[0].code == b""
        await refused("INVITATION_USED", ana.invitations.revoke(made.id))


async def test_of_two_who_accept_at_once_one_is_told_that_it_is_used() -> None:
    network = Network()
    ana, ben, cleo = (device(network, owner) for owner in (ANA, BEN, CLEO))
    async with running(ana, ben, cleo):
        await ana.found()
        made = await ana.invite()
        ended = await asyncio.gather(ben.join(made.link), cleo.join(made.link), return_exceptions=True)
        errors = [each for each in ended if isinstance(each, PiccoloError)]
        assert [each.reason for each in errors] == ["INVITATION_USED"]
        assert len(ana.members()) == 2


async def test_an_invitation_ends_with_its_time() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben):
        await ana.found()
        short, whole_day = await ana.invitations.make("short", 60), await ana.invite()
        assert (short.expires, whole_day.expires) == (network.now + 60, network.now + LIFETIME)
        network.now += 60
        await refused("INVITATION_EXPIRED", ben.join(short.link))
        assert [each.state for each in ana.invitations.listing()] == ["open", "expired"]
        await ben.join(whole_day.link)
        network.now += 8 * DAY
        await ana.invitations.prune()
        assert ana.invitations.listing() == []
        assert ana.invitations.admissions() == []


async def test_who_accepted_in_time_comes_in_when_the_vault_unlocks_the_next_day() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben) as works:
        await ana.found()
        ana.unlocked = False
        made = await ana.invite()
        coming = asyncio.create_task(ben.join(made.link))
        await ana.until(lambda: bool(ana.proposals.listing()))
        network.now += 2 * DAY
        await ana.invitations.prune()
        await works.start(ana)  # and it crashed meanwhile
        ana.unlocked = True
        ana.circle.changes.tell()
        await coming
        await settled([ana, ben])


async def test_a_clock_that_steps_by_weeks_keeps_nobody_out_who_has_accepted() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben):
        await ana.found()
        ana.unlocked = False
        made = await ana.invite()
        coming = asyncio.create_task(ben.join(made.link))
        await ana.until(lambda: bool(ana.proposals.listing()))
        network.now += 15 * DAY
        await ana.invitations.prune()
        ana.unlocked = True
        ana.circle.changes.tell()
        await coming
        await settled([ana, ben])
        network.now += 15 * DAY
        await ana.invitations.prune()
        assert ana.invitations.listing() == []


async def test_who_is_in_and_never_heard_so_comes_in_by_another_invitation() -> None:
    network = Network()
    ana, ben, cleo = (device(network, owner) for owner in (ANA, BEN, CLEO))
    async with running(ana, ben, cleo):
        await ana.found()
        ana.unlocked = False
        coming = asyncio.create_task(ben.join((await ana.invite()).link))
        await ana.until(lambda: bool(ana.proposals.listing()))
        coming.cancel()
        ana.unlocked = True
        ana.circle.changes.tell()
        await ana.until(lambda: ana.circle.trusted.head.record.epoch == 2)
        again = await ana.invite()
        await ben.join(again.link)
        await settled([ana, ben])
        assert ana.circle.trusted.head.record.epoch == 2
        assert ana.invitations.listing()[0].state == "used"
        other = Device(BEN, network, "other.example:7000")  # with the same words, and keys of its own
        other.generation = 2
        await other.start()
        await refused("JOINER_CLASHES", other.join((await ana.invite()).link))


async def test_a_revoked_invitation_is_over_and_its_proposal_too() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben):
        await ana.found()
        ana.unlocked = False
        made = await ana.invite()
        coming = asyncio.create_task(ben.join(made.link))
        await ana.until(lambda: bool(ana.proposals.listing()))
        await ana.invitations.revoke(made.id)
        assert ana.proposals.listing() == []
        await refused("INVITATION_REVOKED", coming)
        await refused("INVITATION_REVOKED", ben.joining.open(made.link))
        await refused("NO_SUCH_INVITATION", ana.invitations.revoke(bytes(16)))


async def test_a_foreign_invitation() -> None:
    network = Network()
    ana, ben, cleo = (device(network, owner) for owner in (ANA, BEN, CLEO))
    async with running(ana, ben, cleo):
        await ana.found()
        made = await ana.invite()
        link = InvitationLink.parse(made.link)
        elsewhere = InvitationLink(link.code, cleo.endpoint, link.fingerprint)
        await refused("INVITATION_FOREIGN", ben.join(elsewhere.text()))
        unknown = InvitationLink(InvitationCode(bytes(16)), link.endpoint, link.fingerprint)
        await refused("PEER_AWAY", ben.join(unknown.text()))  # its certificate ends the handshake
        await refused("INVITATION_UNREADABLE", ben.join("piccolo:join?c=1"))
        await refused("INVITATION_UNREADABLE", ben.join(made.code[:-1]))


async def test_only_an_admin_invites_and_only_so_often() -> None:
    network = Network()
    group = [device(network, owner) for owner in (ANA, BEN, CLEO, DAN)]
    async with running(*group):
        await refused("NO_CIRCLE", group[0].invite())
        await group[0].found()
        for joiner in group[1:]:
            await joiner.join((await group[0].invite()).link)
        await settled(group)
        await refused("NOT_ADMIN", group[3].invite())
        for _ in range(100):
            await group[1].invite()
        await refused("TOO_MANY_INVITATIONS", group[1].invite())


async def test_a_mailbox_that_was_away_gets_the_invitation_later() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben):
        await ana.found()
        network.mailbox.away = True
        made = await ana.invite()
        await refused("INVITATION_NOT_FOUND", ben.joining.open(made.code))
        network.mailbox.away = False
        await ana.invitations.mail()
        assert (await ben.joining.open(made.code)).inviter.endpoint == ana.endpoint
        await ana.invitations.mail()
        assert sum(map(len, network.mailbox.boxes.values())) == 1


async def test_an_acceptance_counts_for_this_circle_this_roster_and_this_code() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben):
        await ana.found()
        ana.unlocked = False
        link = InvitationLink.parse((await ana.invite()).link)
        shown, head = make_certificate(link.code.tls_key()), ana.circle.trusted.head.record_hash()
        other = InvitationCode(bytes(range(16)))

        def accept(acceptance: bytes) -> Awaitable[object]:
            return ana.invitations.accept(shown, acceptance, 0)

        good = BEN.acceptance(link.code, head)
        circle = BEN.acceptance(link.code, head, circle=bytes(16))
        await refused("RECORD_FOREIGN", accept(link.code.seal_acceptance(circle)))
        await refused("RECORD_FORGED", accept(other.seal_acceptance(good)))
        named = replace(good, invitation_id=other.invitation_id())
        await refused("RECORD_FORGED", accept(link.code.seal_acceptance(named)))
        hers = replace(good, device=sign(BEN.device_record(), signing_key("eve")).to_bytes())
        await refused("RECORD_FORGED", accept(link.code.seal_acceptance(hers)))
        thief = replace(CLEO.device_record(), tls=ana.certified().record.tls)
        stolen = replace(
            CLEO.acceptance(link.code, head), device=sign(thief, CLEO.kek.owner_root()).to_bytes()
        )
        await refused("JOINER_CLASHES", accept(link.code.seal_acceptance(stolen)))
        await refused("INVITATION_FOREIGN", ana.invitations.accept(CLEO.enrol, b"", 0))
        assert ana.invitations.listing()[0].state == "open"  # none of these has used it up

        stale = await ana.invitations.accept(
            shown, link.code.seal_acceptance(replace(good, roster=bytes(32))), 0
        )
        assert not stale.joined
        assert ana.proposals.current() == []
        waiting = await ana.invitations.accept(shown, link.code.seal_acceptance(good), 0)
        assert not waiting.joined
        assert len(ana.proposals.current()) == 1


async def test_a_replayed_acceptance_lets_nobody_in_again() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben):
        await ana.found()
        link = InvitationLink.parse((await ana.invite()).link)
        shown, head = make_certificate(link.code.tls_key()), ana.circle.trusted.head.record_hash()
        sealed = link.code.seal_acceptance(BEN.acceptance(link.code, head))
        assert (await ana.invitations.accept(shown, sealed, 10)).joined
        epoch = ana.circle.trusted.head.record.epoch
        assert (await ana.invitations.accept(shown, sealed, 0)).joined  # told again, nothing done again
        again = InvitationLink.parse((await ana.invite()).link)
        shown = make_certificate(again.code.tls_key())
        await refused("RECORD_FORGED", ana.invitations.accept(shown, sealed, 0))
        assert ana.circle.trusted.head.record.epoch == epoch


async def test_who_asks_again_after_it_came_in_is_told_so() -> None:
    network = Network()
    ana = device(network, ANA)
    async with running(ana):
        await ana.found()
        ana.unlocked = False
        link = InvitationLink.parse((await ana.invite()).link)
        shown, head = make_certificate(link.code.tls_key()), ana.circle.trusted.head.record_hash()
        asked = await ana.invitations.accept(
            shown, link.code.seal_acceptance(BEN.acceptance(link.code, head)), 0
        )
        assert not asked.joined
        ana.files.broken = "invitations"  # that it is used cannot be noted yet
        ana.unlocked = True
        ana.proposals.changes.tell()
        await ana.until(lambda: ana.circle.trusted.head.record.epoch == 2)
        ana.files.broken = ""
        assert ana.invitations.listing()[0].state == "accepted"
        head = ana.circle.trusted.head.record_hash()
        again = link.code.seal_acceptance(BEN.acceptance(link.code, head))
        assert (await ana.invitations.accept(shown, again, 0)).joined
        assert ana.invitations.listing()[0].state == "used"


async def test_an_introduction_is_judged() -> None:
    network = Network()
    ana, ben = device(network, ANA), device(network, BEN)
    async with running(ana, ben):
        await ana.found()
        made = await ana.invite()
        code = InvitationLink.parse(made.link).code
        told = ana.invitations.introduce(make_certificate(code.tls_key()))
        opened = await ben.joining.open(made.link)
        assert opened.introduction.inviter.owner == ANA.id
        assert len(told.records) == 2
        stranger = [grown(BEN).records()[0], BEN.device().to_bytes()]
        for records in (stranger, [first_roster(CLEO).to_bytes()], told.records[:1]):
            with pytest.raises(PiccoloError) as error:
                joining.open_introduction(
                    told.invitation, records, code=code, fingerprint=opened.inviter.fingerprint
                )
            assert error.value.reason in ("INVITATION_FOREIGN", "RECORD_FORGED")
        with pytest.raises(PiccoloError, match="another device"):
            joining.open_introduction(told.invitation, told.records, code=code, fingerprint=bytes(32))
        with pytest.raises(PiccoloError, match="another invitation"):
            joining.open_introduction(
                told.invitation,
                told.records,
                code=InvitationCode(bytes(16)),
                fingerprint=opened.inviter.fingerprint,
            )
