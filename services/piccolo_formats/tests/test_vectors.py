"""The published vectors are what the code makes today: a change of format shows here first."""

from __future__ import annotations

from typing import Any

import pytest

from piccolo_formats import fek, merkle
from piccolo_formats.fek import Fek, Scope
from piccolo_formats.former import Former, Lineage, open_former
from piccolo_formats.kek import Kek, locator_path, owner_id
from piccolo_formats.lineage import owner_by
from piccolo_formats.passphrase import SealedKek, open_kek
from piccolo_formats.records.manifest import Content
from piccolo_formats.segments import SegmentOpener, padme
from piccolo_formats.signed import open_signed
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.strategies import record_types
from piccolo_formats.tests.vectors import build
from piccolo_formats.tests.vectors.repeatable import shown

VECTORS = published()
TYPES = {cls.TYPE: cls for cls in record_types()}


def test_the_published_vectors_are_what_the_code_makes() -> None:
    made = build()
    assert made.keys() == VECTORS.keys()
    for section, vectors in made.items():
        assert vectors == VECTORS[section], f"section {section} of the vectors changed"


def test_keys() -> None:
    vector = VECTORS["keys"]
    kek = Kek.from_words(vector["words"])
    assert kek == Kek(hexed(vector["kek"]))
    assert {
        "fek_wrapping_key": kek.fek_wrapping_key().hex(),
        "backup_public": kek.backup().public.hex(),
        "locator_public": kek.locator().public.hex(),
        "owner_root_public": kek.owner_root().public.hex(),
        "admin_public": kek.admin().public.hex(),
        "owner_id": owner_id(kek.owner_root().public).hex(),
        "locator_path": locator_path(kek.locator().public),
        "disk": kek.disk().hex(),
    }.items() <= vector.items()
    record = SealedKek.from_record(hexed(vector["at_rest"]["record"]))
    assert open_kek(record, vector["at_rest"]["passphrase"]) == kek


def test_replaced_words() -> None:
    vector, new = VECTORS["keys"]["replaced"], Kek(hexed(VECTORS["keys"]["replaced"]["kek"]))
    lineage = Lineage.from_record(hexed(vector["lineage"])).successors
    assert owner_by(new.owner_root().public, lineage) == (hexed(VECTORS["keys"]["owner_id"]), 2)
    former = Former.from_record(hexed(vector["former"]))
    assert open_former(former, new) == Kek(hexed(VECTORS["keys"]["kek"]))
    lost = Former.from_record(hexed(vector["lost_former"]))
    assert (lost.is_lost, lost.exposed, lost.owner) == (True, True, former.owner)
    assert new.former_key().hex() == vector["former_sealing_key"]


def test_a_file_s_key() -> None:
    vector = VECTORS["keys"]["fek"]
    scope = Scope(hexed(vector["file_id"]), hexed(vector["version_id"]))
    key = fek.unwrap(Kek(hexed(VECTORS["keys"]["kek"])), hexed(vector["wrapped"]), scope)
    assert key == Fek(hexed(vector["fek"]))
    key.check_commitment(scope, hexed(vector["commitment"]))
    key.check_mac(scope, hexed(vector["content"]), hexed(vector["content_mac"]))
    layout_key = key.layout_key(scope.version_id)
    assert layout_key.reveal().hex() == vector["layout_key"]
    assert layout_key.fragment_ids(scope.version_id, 1, 5).hex() == vector["fragment_ids"]


def test_padme() -> None:
    assert all(padme(length) == padded for length, padded in VECTORS["segments"]["padme"])


@pytest.mark.parametrize("vector", VECTORS["segments"]["files"], ids=lambda each: f"{len(each['plaintext'])}")
def test_segments(vector: dict[str, Any]) -> None:
    content = Content.from_record(hexed(vector["content"]))
    opener = SegmentOpener(Fek(hexed(vector["fek"])), content.scope, content.commitment)
    plan = content.plan(packed=vector["packed"])
    assert len(vector["sealed"]) == plan.count == content.segments
    opened = [opener.open(plan.segment(at), hexed(each)) for at, each in enumerate(vector["sealed"])]
    assert b"".join(opened) == hexed(vector["plaintext"])


@pytest.mark.parametrize("vector", VECTORS["stripes"]["trees"], ids=lambda each: f"{len(each['blocks'])}")
def test_trees(vector: dict[str, Any]) -> None:
    leaves = [merkle.leaf(hexed(block)) for block in vector["blocks"]]
    for start, stop, proof in vector["proofs"]:
        merkle.verify_range(
            hexed(vector["root"]),
            len(leaves),
            12,
            12,
            start,
            leaves[start:stop],
            [hexed(each) for each in proof],
        )


@pytest.mark.parametrize("vector", VECTORS["statements"], ids=lambda each: each["type"])
def test_statements(vector: dict[str, Any]) -> None:
    signed = open_signed(TYPES[vector["type"]], hexed(vector["signed"]), map(hexed, vector["signers"]))
    assert shown(signed.record.to_value()) == vector["fields"]
    assert signed.payload.hex() == vector["record"]
    assert signed.record_hash().hex() == vector["hash"]
