"""Whatever comes in, only FormatError comes out: any bytes, and good ones with something wrong in them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats import cbor, fek, merkle, tls
from piccolo_formats.backup_body import open_body
from piccolo_formats.backup_entry import open_header, split_entry
from piccolo_formats.changesets import read_changesets
from piccolo_formats.client_seal import Purpose, open_text, seal_text
from piccolo_formats.commit_record import open_commit
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.fek import Scope
from piccolo_formats.fragment_file import split_leaves
from piccolo_formats.invitations import InvitationCode, InvitationLink
from piccolo_formats.kek import Kek
from piccolo_formats.logs import frame, is_torn, read_frames
from piccolo_formats.passphrase import SealedKek
from piccolo_formats.records.codec import Record
from piccolo_formats.records.commit import Commit
from piccolo_formats.sealed import open_sealed, seal
from piccolo_formats.signed import open_signed, sign
from piccolo_formats.tests.mutations import FUZZ, altered, chosen_value, mutated
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.strategies import instances, record_types
from piccolo_formats.tests.test_backup_body import body_of
from piccolo_formats.tests.test_fragment_file import read_file
from piccolo_formats.tests.vectors.people import ADA, CODE

T = TypeVar("T")
V = TypeVar("V")
VECTORS = published()
BACKUP, LOCATOR = ADA.kek.backup(), ADA.kek.locator().public
ENTRY = hexed(VECTORS["backup"]["entries"][1]["entry"])
COMMIT = hexed(VECTORS["objects"]["lone"]["commit"])
SUMMARY = hexed(VECTORS["objects"]["pack"]["summary"])
LOG = b"".join(map(frame, (b"first", COMMIT, b"\x82last")))
TEXTS = [Kek.from_words, InvitationCode.parse, InvitationLink.parse]


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
    "leaves": (split_leaves, bytes(96)),
    "client's secret": (
        lambda data: open_text(Purpose.WORDS, data, BACKUP),
        seal_text(Purpose.WORDS, "abandon " * 24, BACKUP.public),
    ),
    "acceptance": (CODE.open_acceptance, hexed(VECTORS["invitation"]["acceptance"])),
    **{
        f"signed {cls.TYPE}": (signed_as(cls), hexed(vector["record"]))
        for cls in record_types()
        for vector in VECTORS["statements"]
        if vector["type"] == cls.TYPE
    },
}


STRUCTURES = sorted(PARSERS.keys() & {"commit", "device", "kek", "sealed", "acceptance"}) + [
    name for name in PARSERS if name.startswith("signed ")
]
SPARES = (COMMIT, ENTRY, SUMMARY)


@pytest.mark.parametrize("name", PARSERS)
@FUZZ
@given(data=st.data())
def test_only_format_errors_come_out(name: str, data: st.DataObject) -> None:
    parse, good = PARSERS[name]
    refused_or_taken(parse, data.draw(mutated(good, *SPARES) | st.binary(max_size=400) | chosen_value()))


@pytest.mark.parametrize("name", STRUCTURES)
@FUZZ
@given(data=st.data())
def test_one_wrong_thing_in_good_cbor_is_refused_or_is_good_too(name: str, data: st.DataObject) -> None:
    parse, good = PARSERS[name]
    refused_or_taken(parse, data.draw(altered(good)))


@pytest.mark.parametrize("cls", record_types(), ids=lambda cls: cls.TYPE)
@FUZZ
@given(data=st.data())
def test_a_record_with_one_wrong_thing_is_refused_or_writes_the_same_bytes(
    cls: type[Record], data: st.DataObject
) -> None:
    wrong = data.draw(altered(data.draw(instances(cls)).to_record()))
    taken = refused_or_taken(cls.from_record, wrong)
    assert taken is None or taken.to_record() == wrong


@FUZZ
@given(data=st.data())
def test_a_summary_with_one_wrong_thing_is_refused_though_it_is_sealed_and_signed(
    data: st.DataObject,
) -> None:
    """The device itself could do this, or whoever has its key: the words open it, and it is wrong inside."""
    wrong = data.draw(altered(SUMMARY))
    commit = Commit(
        owner=ADA.id, generation=1, seq=7, sealed=seal("summary", wrong, BACKUP.public, os.urandom)
    )
    refused_or_taken(
        lambda data: open_commit(open_signed(Commit, data), BACKUP),
        sign(commit, ADA.role("vault")).to_bytes(),
    )


@FUZZ
@given(st.data())
def test_a_compressed_body_with_anything_in_it_ends_in_bounded_memory(data: st.DataObject) -> None:
    """Sealed as it should be: only the compressed bytes and the sizes are wrong."""
    plain = data.draw(st.sampled_from([b"", b"hello" * 100, bytes(3 * 2**20)]))
    packed = data.draw(mutated(zlib.compress(plain)))
    record, key, body = body_of(packed, data.draw(st.sampled_from([len(plain), 0, 2**63 - 1, 2**20])))
    refused_or_taken(lambda each: sum(map(len, open_body(record, key, [each]))), body)


@FUZZ
@given(mutated(LOG))
def test_a_log_is_read_as_far_as_it_is_good(log: bytes) -> None:
    contents = read_frames(log)
    assert b"".join(map(frame, contents.frames)) == log[: contents.good_length]
    assert is_torn(log, contents) in (True, False)
    assert is_torn(log[: contents.good_length], contents)


@FUZZ
@given(
    st.integers(-1, 2**64),
    st.integers(-1, 2**62),
    st.lists(st.binary(max_size=40), max_size=6),
    st.lists(st.binary(max_size=40), max_size=80),
    st.data(),
)
def test_a_proof_of_any_shape_is_refused(
    total: int, first: int, leaves: list[bytes], proof: list[bytes], data: st.DataObject
) -> None:
    """Numbers and lists are what a peer says."""
    sizes = data.draw(st.tuples(st.integers(-1, 2**33), st.integers(-1, 2**33)))
    with pytest.raises(FormatError):
        merkle.verify_range(bytes(32), total, *sizes, first, leaves, proof)


@pytest.mark.parametrize("read", TEXTS)
@FUZZ
@given(data=st.data())
def test_any_text_is_refused_or_taken(read: Callable[[str], object], data: st.DataObject) -> None:
    good = st.sampled_from([" ".join(ADA.kek.to_words()), CODE.text(), VECTORS["invitation"]["link"]])
    changed = good.flatmap(lambda text: mutated(text.encode())).map(
        lambda each: each.decode(errors="surrogateescape")
    )
    refused_or_taken(read, data.draw(changed | st.text(max_size=300)))


def refused_or_taken(parse: Callable[[T], V], data: T) -> V | None:
    """Nothing else may come of anything than a value, or an error that says why there is none."""
    try:
        return parse(data)
    except FormatError as error:
        told = error.reason and error.message
    assert told
    return None
