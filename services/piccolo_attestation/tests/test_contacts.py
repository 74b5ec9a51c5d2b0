"""The contacts that an owner prints: others only, a few, and all of it checkable."""

from __future__ import annotations

from dataclasses import replace

from piccolo_formats.contacts import Contacts, mark_of
from piccolo_formats.records.codec import record_hash
from piccolo_formats.records.roster import MemberState, Roster
from piccolo_formats.signed import open_signed
from piccolo_formats.tls import certificate_fingerprint

from piccolo_attestation.core import contacts
from piccolo_attestation.testing import Owner
from piccolo_attestation.tests.devices import Device, Network, grown, running


async def test_the_other_members_are_told_with_the_marks_of_their_devices() -> None:
    network = Network()
    group = [Device(Owner.named(name), network, f"{name}.example:7000") for name in ("ana", "ben", "cleo")]
    async with running(*group):
        await grown(group)
        circle = group[0].circle
        assert circle.view is not None
        found = contacts.entries(circle.view, circle.owner)
        assert [each.contact.endpoint for each in found] == ["ben.example:7000", "cleo.example:7000"]
        for each in found:
            member = circle.view.member(each.owner)
            assert member is not None
            assert each.contact.mark == mark_of(certificate_fingerprint(member.server_certificate))
        line = contacts.circle_line(circle.trusted.anchor)
        printed = "\n".join([line, *(each.contact.text() for each in found)])
        read = Contacts.parse(printed)
        first = open_signed(Roster, circle.trusted.rosters()[0])
        assert first.record.epoch == 1
        assert read.circle == mark_of(record_hash(first.payload))
        assert {contacts.circle_line(device.circle.trusted.anchor) for device in group} == {line}

        gone = tuple(replace(member, state=MemberState.EXPELLED) for member in circle.view.members)
        assert contacts.entries(replace(circle.view, members=gone), circle.owner) == []
        many = replace(circle.view, members=circle.view.members * 40)
        assert len(contacts.entries(many, circle.owner)) == contacts.MOST
