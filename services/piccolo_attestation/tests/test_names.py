"""A device that is called otherwise than its certificate says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_attestation.testing import Owner
from piccolo_attestation.tests.devices import Device, Network, grown, running, settled


def pair() -> list[Device]:
    network = Network()
    return [Device(Owner.named(name), network, f"{name}.example:7000") for name in ("ana", "ben")]


async def test_everybody_hears_the_new_name_and_it_stays() -> None:
    group = pair()
    async with running(*group):
        await grown(group)
        await group[0].circle.rename("  Attic ")
        await settled(group, {"Attic", "ben"})
    async with running(*group):
        await settled(group, {"Attic", "ben"})
        assert group[0].circle.me.name == "Attic"
        await group[0].circle.rename("ana")
        await settled(group)


async def test_a_new_certificate_with_another_name_ends_what_it_was_called() -> None:
    device = pair()[0]
    async with running(device):
        await device.found()
        await device.circle.rename("Attic")
        record = device.circle.me.certificate
        assert record is not None
        assert device.identity.name(record) == "Attic"
        assert device.identity.name(replace(record, name="Cellar")) == "Cellar"
        assert device.identity.name(replace(record, circle=bytes(16))) == "ana"


async def test_a_damaged_name_stops_nothing() -> None:
    device = pair()[0]
    async with running(device):
        await device.found()
        await device.circle.rename("Attic")
    device.files.content["name"] = b"rot"
    async with running(device):
        assert device.circle.me.name == "ana"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 256])
async def test_a_name_that_is_none_changes_nothing(name: str) -> None:
    device = pair()[0]
    async with running(device):
        await device.found()
        with pytest.raises(PiccoloError) as refused:
            await device.circle.rename(name)
        assert refused.value.reason == "DEVICE_NAME"
        assert device.circle.me.name == "ana"


async def test_there_is_no_name_without_a_circle() -> None:
    device = pair()[0]
    async with running(device):
        with pytest.raises(PiccoloError) as refused:
            await device.circle.rename("Attic")
        assert refused.value.reason == "NO_CIRCLE"
