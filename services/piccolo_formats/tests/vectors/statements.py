"""The vectors of sections 9 to 11: statements, certificate, invitation, backup log."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any, TypeAlias

from piccolo_formats import tls
from piccolo_formats.backup_body import EntryPlace
from piccolo_formats.backup_entry import build_prefix, entry_name
from piccolo_formats.changesets import frame_changeset
from piccolo_formats.contacts import contacts_of
from piccolo_formats.digests import digest
from piccolo_formats.fek import Fek
from piccolo_formats.invitations import InvitationLink
from piccolo_formats.kek import Kek
from piccolo_formats.records import backup as b
from piccolo_formats.records import device as d
from piccolo_formats.records import generations as g
from piccolo_formats.records import joining as j
from piccolo_formats.records import keeping as k
from piccolo_formats.records.codec import Record
from piccolo_formats.segments import SegmentPlan, SegmentSealer
from piccolo_formats.signed import Signed, sign
from piccolo_formats.tests.vectors.people import ADA, BEN, CIRCLE, CODE, delegation, invitation, roster
from piccolo_formats.tests.vectors.repeatable import TIME, counted, fixed, hpke, shown

STAMP = {"generation": 1, "seq": 7}
FRAGMENTS = tuple(sorted(fixed(f"fragment {n}", 16) for n in range(3)))
SignedRecord: TypeAlias = Signed[Any]


def statements() -> list[dict[str, Any]]:
    """Section 9: every Signed record."""
    return [signed_vector(signed) for signed in (*_circle(), *_keeping(), *_generations(), *_backup())]


def _circle() -> list[SignedRecord]:
    attestation = ADA.role("attestation")
    presence = d.Presence(
        circle=CIRCLE, owner=ADA.id, **STAMP, name="ada's box", endpoints=("[::1]:7443",), offer=10**12
    )
    return [ADA.device(), sign(presence, attestation), roster(), sign(invitation(), attestation)]


def _keeping() -> list[SignedRecord]:
    root, store = ADA.kek.owner_root(), BEN.role("fragment-store")
    entries = tuple(
        k.ReceiptEntry(fragment_id=fragment, root=fixed("root"), size=408, state=state, **STAMP)
        for fragment, state in zip(FRAGMENTS, k.FragmentState, strict=False)
    )
    notice = k.Notice(keeper=BEN.id, owner=ADA.id, kind=k.NoticeKind.FULL, until=TIME + 2_592_000, time=TIME)
    return [
        sign(k.Receipt(keeper=BEN.id, generation=3, owner=ADA.id, entries=entries, time=TIME), store),
        sign(k.Tombstone(owner=ADA.id, **STAMP, purge=False, fragments=FRAGMENTS, time=TIME), root),
        sign(k.Undelete(owner=ADA.id, **STAMP, fragments=FRAGMENTS, time=TIME), root),
        sign(notice, store),
    ]


def _generations() -> list[SignedRecord]:
    root, new_root = ADA.kek.owner_root(), Kek(fixed("new kek")).owner_root()
    claim = g.Claim(circle=CIRCLE, owner=ADA.id, generation=2, device=ADA.device().record_hash(), time=TIME)
    promise = g.Promise(
        circle=CIRCLE, keeper=BEN.id, owner=ADA.id, generation=2, device=claim.device, time=TIME
    )
    successor = g.Successor(
        owner=ADA.id, old_root=root.public, new_root=new_root.public, kek_epoch=2, generation=1, time=TIME
    )
    exposed = replace(successor, exposed=True)
    return [
        sign(claim, root),
        sign(promise, BEN.role("fragment-store")),
        sign(successor, root, new_root, ADA.role("vault")),
        sign(exposed, root, new_root, ADA.role("vault")),
    ]


def _backup() -> list[SignedRecord]:
    head = b.Head(locator=ADA.kek.locator().public, **STAMP, hash=fixed("head"))
    return [delegation(), sign(head, ADA.role("metadata"), ADA.kek.locator())]


def signed_vector(signed: Signed[Any]) -> dict[str, Any]:
    """A Signed record, taken apart."""
    record: Record = signed.record
    return {
        "type": record.TYPE,
        "fields": shown(record.to_value()),
        "record": signed.payload.hex(),
        "hash": signed.record_hash().hex(),
        "signers": sorted(key.hex() for key in signed.signers),
        "signed": signed.to_bytes().hex(),
    }


def invitations() -> dict[str, Any]:
    """Section 10."""
    fingerprint = tls.certificate_fingerprint(ADA.certificate("fragment-store"))
    presence = d.Presence(
        circle=CIRCLE,
        owner=BEN.id,
        generation=1,
        seq=1,
        name="ben's box",
        endpoints=("ben.example:7443",),
        offer=1,
    )
    acceptance = j.Acceptance(
        invitation_id=CODE.invitation_id(),
        roster=roster().record_hash(),
        device=BEN.device().to_bytes(),
        presence=sign(presence, BEN.role("attestation")).to_bytes(),
    )
    return {
        "code": CODE.reveal().hex(),
        "text": CODE.text(),
        "link": InvitationLink(CODE, "[::1]:7443", fingerprint).text(),
        "endpoint": "[::1]:7443",
        "fingerprint": fingerprint.hex(),
        "invitation_id": CODE.invitation_id().hex(),
        "mailbox_address": CODE.mailbox_address().hex(),
        "tls_certificate": tls.make_certificate(CODE.tls_key()).hex(),
        "message": "hello",
        "sealed_message": CODE.seal_message(b"hello", counted("message")).hex(),
        "acceptance": CODE.seal_acceptance(acceptance).hex(),
    }


def log_entry(kind: b.EntryKind, seq: int, prev: bytes | None, plain: bytes) -> tuple[bytes, bytes]:
    """An entry of the log, and its hash. Compressed at level 0, which every zlib does alike."""
    place = EntryPlace(ADA.kek.locator().public, 1, seq)
    key = Fek(fixed(f"entry {seq} key"))
    packed = zlib.compress(plain, 0)
    segment = SegmentPlan(len(packed), padded=False).segment(0)
    body = SegmentSealer(key, place.scope, counted(f"entry {seq}")).seal(segment, packed)
    ephemeral = fixed(f"entry {seq} ephemeral")
    header = b.EntryHeader(
        suite=1,
        locator=place.locator,
        generation=1,
        seq=seq,
        kind=kind,
        base=1,
        prev=prev,
        schema=1,
        plain_size=len(plain),
        body_size=len(body),
        body_hash=digest("body", body),
        sealed_key=hpke(ADA.kek.backup().public, place.info, key.reveal(), ephemeral),
        delegation=delegation().to_bytes(),
        time=TIME,
    )
    signed = sign(header, ADA.role("metadata"))
    return build_prefix(signed) + body, signed.record_hash()


def backup() -> dict[str, Any]:
    """Section 11: a log of a snapshot and a changeset."""
    snapshot = b"SQLite format 3\0 (and so on)"
    change = b.Changeset(schema=1, first=1, last=2, digest=fixed("rows"), changeset=b"changes")
    first, first_hash = log_entry(b.EntryKind.SNAPSHOT, 1, None, snapshot)
    second, second_hash = log_entry(b.EntryKind.CHANGESET, 2, first_hash, frame_changeset(change))
    return {
        "entries": [
            {"name": entry_name(1), "entry": first.hex(), "hash": first_hash.hex(), "plain": snapshot.hex()},
            {
                "name": entry_name(2),
                "entry": second.hex(),
                "hash": second_hash.hex(),
                "plain": frame_changeset(change).hex(),
            },
        ],
        "changesets": [shown(change.to_value())],
    }


def contacts() -> dict[str, Any]:
    """Section 10: the contacts of a circle of two, for Ada."""
    fingerprint = tls.certificate_fingerprint(BEN.certificate("fragment-store"))
    made = contacts_of(
        roster().record_hash(), [("ben.example:7443", fingerprint), ("[::1]:7443", fingerprint)]
    )
    return {
        "first_roster": roster().record_hash().hex(),
        "fingerprint": fingerprint.hex(),
        "lines": made.text().split("\n"),
    }


def certificate() -> dict[str, Any]:
    """Section 9: the certificate of the enrolment pair."""
    der = tls.make_certificate(ADA.kek.enrolment())
    return {
        "scalar": f"{ADA.kek.enrolment().private_numbers().private_value:064x}",
        "der": der.hex(),
        "name": tls.certificate_name(der),
        "fingerprint": tls.certificate_fingerprint(der).hex(),
    }
