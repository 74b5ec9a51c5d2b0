"""Whatever comes in, only FormatError comes out: arbitrary bytes, and good ones cut and overwritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from piccolo_formats import cbor, fek, tls
from piccolo_formats.backup_entry import open_header, split_entry
from piccolo_formats.changesets import read_changesets
from piccolo_formats.commit_record import open_commit
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.fek import Scope
from piccolo_formats.passphrase import SealedKek
from piccolo_formats.records.commit import Commit
from piccolo_formats.sealed import open_sealed
from piccolo_formats.signed import open_signed, sign
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.strategies import record_types
from piccolo_formats.tests.test_fragment_file import read_file
from piccolo_formats.tests.vectors.people import ADA, CODE

VECTORS = published()
BACKUP, LOCATOR = ADA.kek.backup(), ADA.kek.locator().public
ENTRY = hexed(VECTORS["backup"]["entries"][1]["entry"])
COMMIT = hexed(VECTORS["objects"]["lone"]["commit"])


def resigned(data: bytes) -> object:
    """A device whose own signature is good, with a sealed part that is not."""
    commit = Commit(owner=ADA.id, generation=1, seq=7, sealed=data)
    return open_commit(sign(commit, ADA.role("vault")), BACKUP)


def signed_as(cls: Any) -> Callable[[bytes], object]:
    def read(payload: bytes) -> object:
        signature = ADA.kek.owner_root().sign(b"piccolo/" + cls.TYPE.encode() + b"/v1\0" + payload)
        pair: list[cbor.Value] = [ADA.kek.owner_root().public, signature]
        return open_signed(cls, cbor.encode([payload, [pair]]))

    return read


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "cbor": (cbor.decode, COMMIT),
    "commit": (lambda data: open_signed(Commit, data), COMMIT),
    "sealed": (resigned, open_signed(Commit, COMMIT).record.sealed),
    "sealed alone": (lambda data: open_sealed("x", data, BACKUP), open_signed(Commit, COMMIT).record.sealed),
    "device": (open_device, ADA.device().to_bytes()),
    "wrapped": (
        lambda data: fek.unwrap(ADA.kek, data, Scope(bytes(16), bytes(16))),
        hexed(VECTORS["keys"]["fek"]["wrapped"]),
    ),
    "kek": (SealedKek.from_record, hexed(VECTORS["keys"]["at_rest"]["record"])),
    "fragment file": (read_file, hexed(VECTORS["objects"]["lone"]["fragment_files"][0])),
    "certificate": (tls.check_certificate, hexed(VECTORS["certificate"]["der"])),
    "entry": (lambda data: open_header(split_entry([data])[0], LOCATOR), ENTRY),
    "header": (lambda data: open_header(data, LOCATOR), split_entry([ENTRY])[0]),
    "changesets": (
        lambda data: list(read_changesets([data])),
        hexed(VECTORS["backup"]["entries"][1]["plain"]),
    ),
    "message": (CODE.open_message, hexed(VECTORS["invitation"]["sealed_message"])),
    "acceptance": (CODE.open_acceptance, hexed(VECTORS["invitation"]["acceptance"])),
    **{
        f"signed {cls.TYPE}": (signed_as(cls), hexed(vector["record"]))
        for cls in record_types()
        for vector in VECTORS["statements"]
        if vector["type"] == cls.TYPE
    },
}


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """Good bytes with pieces cut out, doubled or overwritten."""
    data = good
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(st.binary(max_size=12) | st.just(data[start:stop] * 2) | st.just(data[:8]))
        data = data[:start] + piece + data[stop:]
    return data


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_only_format_errors_come_out(name: str, data: st.DataObject) -> None:
    parse, good = PARSERS[name]
    given_bytes = data.draw(damaged(good) | st.binary(max_size=400))
    try:
        parse(given_bytes)
    except FormatError as error:
        told = error.reason, error.message
    else:
        told = "taken", "which is as good"
    assert all(told)
