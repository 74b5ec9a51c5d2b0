"""A lone file and a pack, with all that is kept of them (sections 2 to 8)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property

import zfec

from piccolo_formats import cbor, fek, merkle
from piccolo_formats.fek import Fek, Scope
from piccolo_formats.fragment_file import build_header, build_tail
from piccolo_formats.records import commit as c
from piccolo_formats.records import fragment as f
from piccolo_formats.records import manifest as mf
from piccolo_formats.segments import SegmentPlan, SegmentSealer, padme
from piccolo_formats.signed import Signed, sign
from piccolo_formats.stripes import StripePlan
from piccolo_formats.tests.vectors.people import ADA, BEN, CIRCLE
from piccolo_formats.tests.vectors.repeatable import TIME, counted, fixed, hpke

SEGMENT_SIZE = 256


@dataclass(frozen=True)
class Stored:
    """An object with everything that is kept of it."""

    name: str
    key: Fek
    object_id: bytes
    data: bytes
    stripe_size: int
    k: int
    m: int

    @cached_property
    def plan(self) -> StripePlan:
        """Its cut."""
        return StripePlan(len(self.data), self.stripe_size, self.k)

    @cached_property
    def blocks(self) -> list[list[bytes]]:
        """Block i of every stripe, by fragment."""
        coder, columns = zfec.Encoder(self.k, self.m), []
        for index in range(self.plan.count):
            size = self.plan.block_length(index)
            start = index * self.stripe_size
            stripe = self.data[start : start + self.stripe_size].ljust(size * self.k, b"\0")
            columns.append(coder.encode([stripe[at : at + size] for at in range(0, len(stripe), size)]))
        return [[bytes(column[row]) for column in columns] for row in range(self.m)]

    @cached_property
    def layout(self) -> Signed[mf.Layout]:
        """Its layout, signed by the vault's role key."""
        sizes = self.plan.block_size, self.plan.last_block_size
        roots = [merkle.root(map(merkle.leaf, blocks), *sizes) for blocks in self.blocks]
        record = mf.Layout(
            suite=1,
            owner=ADA.id,
            object_id=self.object_id,
            epoch=1,
            generation=1,
            seq=7,
            k=self.k,
            m=self.m,
            size=len(self.data),
            stripe_size=self.stripe_size,
            fragments=self.key.layout_key(self.object_id).fragment_ids(self.object_id, 1, self.m),
            roots=b"".join(roots),
            keepers=(BEN.id, *[fixed(f"keeper {number}") for number in range(self.m - 2)], None),
        )
        return sign(record, ADA.role("vault"))

    def fragment_file(self, index: int, commit: bytes) -> bytes:
        """A keeper's file of fragment `index`."""
        header = build_header(
            f.FragmentHeader(
                owner=ADA.id,
                fragment_id=self.layout.record.fragment_id(index),
                generation=1,
                seq=7,
                block_size=self.plan.block_size,
                created=TIME,
            )
        )
        leaves = b"".join(map(merkle.leaf, self.blocks[index]))
        return (
            header
            + b"".join(self.blocks[index])
            + build_tail(header, leaves, self.plan.last_block_size, commit)
        )


@dataclass(frozen=True)
class File:
    """A file version."""

    path: str
    data: bytes
    packed: bool

    @cached_property
    def key(self) -> Fek:
        """Its FEK."""
        return Fek(fixed(f"{self.path} fek"))

    @cached_property
    def scope(self) -> Scope:
        """Its ids."""
        return Scope(fixed(f"{self.path} file", 16), fixed(f"{self.path} version", 16))

    @cached_property
    def content(self) -> mf.Content:
        """Its content record."""
        plan = SegmentPlan(len(self.data), SEGMENT_SIZE, padded=not self.packed)
        return mf.Content(
            suite=1,
            file_id=self.scope.file_id,
            version_id=self.scope.version_id,
            size=len(self.data),
            segment_size=SEGMENT_SIZE,
            segments=plan.count,
            commitment=self.key.commitment(self.scope),
        )

    @cached_property
    def sealed(self) -> list[bytes]:
        """Its sealed segments."""
        plan = self.content.plan(packed=self.packed)
        sealer, segments = SegmentSealer(self.key, self.scope, counted(f"{self.path} salt")), []
        for index in range(plan.count):
            segment = plan.segment(index)
            start = index * SEGMENT_SIZE
            segments.append(sealer.seal(segment, self.data[start : start + segment.data_length]))
        return segments

    def entry(self, offset: int = 0) -> c.SummaryFile:
        """Its entry in a summary."""
        record = self.content.to_record()
        return c.SummaryFile(
            path=self.path,
            modified=TIME,
            media="text/plain",
            content=record,
            mac=self.key.mac(self.scope, record),
            wrapped=fek.wrap(ADA.kek, 1, self.key, self.scope, counted(f"{self.path} wrap")),
            offset=offset,
            length=sum(map(len, self.sealed)),
            generation=1,
            seq=7,
        )


def summary_of(stored: Stored, kind: c.ObjectKind, files: tuple[c.SummaryFile, ...]) -> c.Summary:
    """The summary of an object."""
    wrap = None
    if kind is c.ObjectKind.PACK:
        scope = Scope.of_pack(stored.object_id)
        wrap = fek.wrap(ADA.kek, 1, stored.key, scope, counted("pack wrap"))
    return c.Summary(
        owner=ADA.id,
        circle=CIRCLE,
        generation=1,
        seq=7,
        kind=kind,
        layout=stored.layout.to_bytes(),
        pack_key=wrap,
        files=files,
    )


def committed(summary: c.Summary, label: str) -> bytes:
    """The commit record's bytes, with HPKE done by hand."""
    record = summary.to_record()
    length = padme(4 + len(record))
    plain = (struct.pack(">I", len(record)) + record).ljust(length, b"\0")
    body_key = Fek(fixed(f"{label} body key"))
    sealer = SegmentSealer(body_key, Scope(bytes(16), bytes(16)), counted(f"{label} body"))
    body = sealer.seal(SegmentPlan(length, length, padded=False).segment(0), plain)
    public = ADA.kek.backup().public
    enc = hpke(public, b"piccolo/sealed/summary/v1", body_key.reveal(), fixed(f"{label} ephemeral"))
    outer = c.Commit(owner=ADA.id, generation=1, seq=7, sealed=cbor.encode([1, enc, body]))
    return sign(outer, ADA.role("vault")).to_bytes()


LONE = File("/diary/2026.txt", b"It rained all day, and the box hummed. " * 26, packed=False)
NOTES = [File(f"/notes/{n}.txt", f"note {n}".encode() * n * 4, packed=True) for n in range(4)]
