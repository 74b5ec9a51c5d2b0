"""A device is taken at its owner's word only, with keys that are fit for use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from piccolo_formats.device_record import open_device
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.records.device import Device
from piccolo_formats.signed import sign
from piccolo_formats.tests.vectors.people import ADA, BEN

DEVICE = ADA.device().record
ROOT = ADA.kek.owner_root()


def test_a_device_is_vouched_for_by_its_owner() -> None:
    assert open_device(ADA.device().to_bytes()).record == DEVICE
    assert open_device(ADA.device().to_bytes(), ROOT.public).record == DEVICE


def test_a_rotated_root_is_the_owner_s_only_by_the_caller_s_knowledge() -> None:
    new_root = Kek(b"n" * 32).owner_root()
    data = sign(replace(DEVICE, root=new_root.public), new_root).to_bytes()
    assert open_device(data, new_root.public).record.owner == ADA.id
    with pytest.raises(AuthenticationError) as caught:
        open_device(data)
    assert caught.value.reason == "device-root"
    with pytest.raises(AuthenticationError):
        open_device(ADA.device().to_bytes(), new_root.public)


def test_nobody_vouches_for_another_s_device() -> None:
    mallory = BEN.kek.owner_root()
    for record in (DEVICE, replace(DEVICE, root=mallory.public)):
        with pytest.raises(AuthenticationError):
            open_device(sign(record, mallory).to_bytes())


def swapped(**changes: Any) -> Device:
    return replace(DEVICE, **changes)


@pytest.mark.parametrize(
    "record",
    [
        swapped(enrol=DEVICE.tls.vault),
        swapped(enrol=b"\x30" + bytes(80)),
        swapped(tls=replace(DEVICE.tls, vault=DEVICE.tls.attestation)),
        swapped(tls=replace(DEVICE.tls, fragment_store=DEVICE.tls.fragment_store[:-1] + b"\0")),
        swapped(signing=replace(DEVICE.signing, vault=DEVICE.signing.metadata)),
        swapped(signing=replace(DEVICE.signing, attestation=ROOT.public)),
        swapped(admin=ROOT.public),
    ],
)
def test_shared_or_unfit_keys_are_refused(record: Device) -> None:
    with pytest.raises(FormatError):
        open_device(sign(record, ROOT).to_bytes())
