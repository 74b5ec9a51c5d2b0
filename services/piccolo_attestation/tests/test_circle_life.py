"""Devices in one process found a circle, join, sign, lose each other and find together."""

from __future__ import annotations

import asyncio

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_attestation.testing import Owner
from piccolo_attestation.tests.devices import Device, Network, grown, running, settled

NAMES = ("ana", "ben", "cleo", "dan", "eve", "fay", "gil", "hal", "ida", "jon")


def devices(network: Network, count: int) -> list[Device]:
    return [Device(Owner.named(name), network, f"{name}.example:7000") for name in NAMES[:count]]


@pytest.mark.parametrize("count", [2, 3, 4, 10])
async def test_devices_join_one_after_the_other(count: int) -> None:
    group = devices(Network(), count)
    async with running(*group):
        await grown(group)
        view = group[0].circle.view
        assert view is not None
        assert view.epoch == count
        assert sum(member.admin for member in view.members) == min(3, count)
        assert [made.state for made in group[0].invitations.listing()] == ["used"] * (count - 1)


async def test_three_join_at_once_by_one_inviter() -> None:
    group = devices(Network(), 5)
    async with running(*group):
        await grown(group[:2])
        links = [(await group[0].invite()).link for _ in group[2:]]
        await asyncio.gather(*(device.join(link) for device, link in zip(group[2:], links, strict=True)))
        await settled(group)
        assert group[0].circle.trusted.head.record.epoch == 5


async def test_three_join_at_once_by_three_inviters() -> None:
    group = devices(Network(), 6)
    async with running(*group):
        await grown(group[:3])
        links = [(await device.invite()).link for device in group[:3]]
        await asyncio.gather(*(device.join(link) for device, link in zip(group[3:], links, strict=True)))
        await settled(group)
        assert not group[0].circle.trusted.frozen_epoch
        assert group[0].circle.trusted.head.record.epoch == 6


async def test_joining_by_code_alone() -> None:
    network = Network()
    group = devices(network, 2)
    async with running(*group):
        await group[0].found()
        made = await group[0].invite()
        box = next(iter(network.mailbox.boxes.values()))
        box.insert(0, b"rubbish that a stranger left")
        await group[1].join(made.code)
        await settled(group)
    with pytest.raises(PiccoloError) as error:
        await group[1].joining.open("0" * 26)
    assert error.value.reason == "INVITATION_NOT_FOUND"
