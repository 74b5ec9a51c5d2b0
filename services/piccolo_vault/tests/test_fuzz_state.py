"""What the vault reads back is what it wrote, or damage that is told: any bytes in any file and note."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats import cbor
from piccolo_formats.errors import FormatError
from piccolo_formats.passphrase import SealedKek
from piccolo_formats.records.codec import Record
from piccolo_formats.tests.mutations import FUZZ, altered, chosen_value, mutated
from piccolo_formats.tests.strategies import HASHES, instances

from piccolo_vault.core.keys import bundle, records, succession
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.journal import UploadNote, open_local, seal_local
from piccolo_vault.engine.keys import role_keys
from piccolo_vault.engine.keys.aftermath import FENCE_FILE, Fence
from piccolo_vault.engine.storage.peers import AWAY_KEY, Peers
from piccolo_vault.testing.keepers import FakeKeepers
from piccolo_vault.testing.memory import FakeObjects
from piccolo_vault.testing.people import FakeKeyring, fake_circle
from piccolo_vault.testing.steps import Steps
from piccolo_vault.testing_keys import MemoryFiles

NOTE: Final = UploadNote(
    bytes(16), b"v" * 16, b"v" * 16, 1, 7, Code(2, 4), (b"o" * 32, None), b"w" * 76
).to_bytes()
LOCAL: Final = b"l" * 32
KEPT: Final = [kind for kind in vars(records).values() if isinstance(kind, type) and issubclass(kind, Record)]
KINDS: Final = [kind for kind in KEPT if kind is not Record]
OWNERS: Final = st.builds(
    partial(records.OwnerRecord, ask=(2, 9, 24), device=None, claim=None),
    **dict.fromkeys(("owner", "root", "locator", "backup"), HASHES),
    epoch=st.integers(1, 9),
    generation=st.integers(1, 2**64 - 1),
)
VALUES: Final[dict[type[Record], Any]] = {records.OwnerRecord: OWNERS}


def reason_of(work: Callable[..., object], *args: Any) -> str:
    """The reason of a refusal; empty when there is none."""
    try:
        work(*args)
    except (PiccoloError, FormatError) as refused:
        return refused.reason
    return ""


def der(key: Any, encryption: Any = None) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    made: bytes = key.private_bytes(
        serialization.Encoding.DER, form, encryption or serialization.NoEncryption()
    )
    return made


FOREIGN_KEYS: Final = [
    der(ed25519.Ed25519PrivateKey.generate()),
    der(ec.generate_private_key(ec.SECP384R1())),
    der(ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"of another")),
    b"\x30\x80" * 400,
]


@pytest.mark.parametrize("kind", [*KINDS, SealedKek], ids=lambda kind: kind.TYPE)
@FUZZ
@given(data=st.data())
def test_a_record_is_read_as_it_was_written_or_refused(kind: type[Record], data: st.DataObject) -> None:
    good = data.draw(VALUES.get(kind, instances(kind))).to_record()
    wrong = data.draw(altered(good) | mutated(good) | chosen_value())
    if not reason_of(kind.from_record, wrong):
        assert kind.from_record(wrong).to_record() == wrong


@FUZZ
@given(st.data())
def test_role_keys_are_read_or_damaged(data: st.DataObject) -> None:
    files = MemoryFiles()
    role_keys.load_or_make(files, os.urandom)
    good = files.load(role_keys.FILE) or b""
    secret = records.RoleSecrets.from_record(good)
    foreign = st.sampled_from(FOREIGN_KEYS).map(
        lambda key: records.RoleSecrets(signing=secret.signing, tls=key, local=secret.local).to_record()
    )
    files.save(role_keys.FILE, data.draw(altered(good) | mutated(good) | foreign))
    assert reason_of(role_keys.load_or_make, files, os.urandom) in ("", "STATE_DAMAGED")


@FUZZ
@given(mutated(records.FenceRecord(generation=2, time=1, name="other").to_record()) | chosen_value())
def test_a_fence_that_cannot_be_read_is_not_taken_for_none(content: bytes) -> None:
    files = MemoryFiles()
    files.save(FENCE_FILE, content)
    refused = reason_of(lambda: Fence(files, lambda _: None).check())
    assert refused in ("FENCED", "STATE_DAMAGED")


@FUZZ
@given(altered(NOTE) | mutated(NOTE) | chosen_value())
def test_an_uploads_note_goes_on_or_is_foreign(note: bytes) -> None:
    assert reason_of(UploadNote.from_bytes, note) in ("", "NOTE_FOREIGN")


@FUZZ
@given(st.data())
def test_what_was_sealed_for_this_vault_opens_whole_or_not(data: st.DataObject) -> None:
    sealed = seal_local(LOCAL, b"test", b"bound", b"secret", os.urandom)
    spoilt = data.draw(mutated(sealed) | st.binary(max_size=60))
    refused = reason_of(open_local, LOCAL, b"test", b"bound", spoilt)
    assert refused == ("" if spoilt == sealed else "NOTE_FOREIGN")


@FUZZ
@given(st.data())
def test_a_bundle_or_draft_that_cannot_be_read_is_none(data: st.DataObject) -> None:
    owner = data.draw(OWNERS)
    whole = cbor.encode([owner.device or b"", owner.claim or b""])
    spoilt = data.draw(altered(whole) | mutated(whole) | chosen_value())
    assert bundle.last_device(spoilt, owner) is None
    bundle.joined({"bundle": spoilt, "bundle/0000": spoilt[:9], "bundle/x": whole})
    journal = data.draw(instances(records.SuccessionJournal)).to_record()
    assert succession.read_draft(data.draw(altered(journal) | mutated(journal)), owner) is None


@FUZZ
@given(mutated(b'{"' + b"6f" * 32 + b'": 1700000000}') | st.just(b"[" * 3_000) | st.just(b'{"aa": 1e999}'))
def test_who_was_away_is_read_or_unknown(stored: bytes) -> None:
    async def load() -> None:
        objects = FakeObjects(Steps(), float)
        await objects.put_state(AWAY_KEY, stored)
        keyring = FakeKeyring()
        await Peers(fake_circle([], keyring.owner_id()), FakeKeepers([]), objects, float, keyring).load()

    asyncio.run(load())
