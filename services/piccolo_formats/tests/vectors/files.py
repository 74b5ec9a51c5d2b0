"""The vectors of sections 2 to 8: keys, segments, stripes, trees, objects."""

from __future__ import annotations

from typing import Any

from piccolo_formats import merkle
from piccolo_formats.fek import Fek
from piccolo_formats.former import Lineage, lost_former, seal_former
from piccolo_formats.kek import Kek, locator_path
from piccolo_formats.logs import frame
from piccolo_formats.passphrase import Cost, seal_kek
from piccolo_formats.records import commit as c
from piccolo_formats.records.generations import Successor
from piccolo_formats.segments import padme
from piccolo_formats.signed import sign
from piccolo_formats.stripes import PACK_STRIPE_SIZE
from piccolo_formats.tests.vectors.objects import LONE, NOTES, SEGMENT_SIZE, Stored, committed, summary_of
from piccolo_formats.tests.vectors.people import ADA, KEK
from piccolo_formats.tests.vectors.repeatable import TIME, counted, fixed


def keys() -> dict[str, Any]:
    """Section 2."""
    kek = ADA.kek
    scope = LONE.scope
    sealed = seal_kek(kek, "correct horse \ufb01ve", ADA.id, 1, counted("kek"), Cost(ops=1, mem=8192))
    return {
        "kek": KEK.hex(),
        "words": " ".join(kek.to_words()),
        "fek_wrapping_key": kek.fek_wrapping_key().hex(),
        "backup_private": kek.backup().reveal().hex(),
        "backup_public": kek.backup().public.hex(),
        "locator_public": kek.locator().public.hex(),
        "locator_path": locator_path(kek.locator().public),
        "owner_root_public": kek.owner_root().public.hex(),
        "owner_id": ADA.id.hex(),
        "admin_public": kek.admin().public.hex(),
        "enrolment_scalar": f"{kek.enrolment().private_numbers().private_value:064x}",
        "disk": kek.disk().hex(),
        "at_rest": {"passphrase": "correct horse \ufb01ve", "record": sealed.to_record().hex()},
        "replaced": _replaced(),
        "fek": {
            "fek": LONE.key.reveal().hex(),
            "file_id": scope.file_id.hex(),
            "version_id": scope.version_id.hex(),
            "kek_epoch": 1,
            "wrapped": LONE.entry().wrapped.hex(),
            "commitment": LONE.key.commitment(scope).hex(),
            "content": LONE.content.to_record().hex(),
            "content_mac": LONE.entry().mac.hex(),
            "layout_key": LONE.key.layout_key(scope.version_id).reveal().hex(),
            "fragment_ids": LONE.key.layout_key(scope.version_id).fragment_ids(scope.version_id, 1, 5).hex(),
        },
    }


def _replaced() -> dict[str, Any]:
    """Ada's next words, and what her memory says of the first."""
    new, root = Kek(fixed("new kek")), ADA.kek.owner_root()
    successor = Successor(
        owner=ADA.id,
        old_root=root.public,
        new_root=new.owner_root().public,
        kek_epoch=2,
        generation=1,
        time=TIME,
    )
    signed = sign(successor, root, new.owner_root(), ADA.role("vault")).to_bytes()
    former = seal_former(ADA.kek, new, ADA.id, 1, counted("former"), exposed=False, time=TIME)
    return {
        "kek": new.reveal().hex(),
        "former_sealing_key": new.former_key().hex(),
        "lineage": Lineage(successors=(signed,)).to_record().hex(),
        "former": former.to_record().hex(),
        "lost_former": lost_former(ADA.id, 1, TIME).to_record().hex(),
    }


def segments() -> dict[str, Any]:
    """Section 3."""
    files = [LONE, *NOTES]
    lengths = [0, 1, 2, 3, 8, 9, 100, 1000, 4097, 65_537, 1_048_577, 10_000_000, 2**40 + 1]
    return {
        "padme": [[length, padme(length)] for length in lengths],
        "files": [
            {
                "fek": file.key.reveal().hex(),
                "content": file.content.to_record().hex(),
                "packed": file.packed,
                "plaintext": file.data.hex(),
                "sealed": [each.hex() for each in file.sealed],
            }
            for file in files
        ],
    }


def stripes() -> dict[str, Any]:
    """Sections 4 and 5."""
    examples = []
    for k_, m, size in [
        (1, 1, 5),
        (1, 3, 5),
        (2, 4, 7),
        (3, 5, 100),
        (5, 9, 64),
        (10, 15, 103),
        (20, 30, 19),
    ]:
        stripe = fixed(f"stripe {k_} {m}", size)
        one = Stored("stripe", LONE.key, bytes(16), stripe, size, k_, m)
        examples.append(
            {"k": k_, "m": m, "stripe": stripe.hex(), "blocks": [each[0].hex() for each in one.blocks]}
        )
    trees = []
    for count in (1, 2, 3, 7, 8):
        blocks = [fixed(f"block {number}", 12) for number in range(count)]
        leaves = [merkle.leaf(block) for block in blocks]
        spans = sorted({(0, count), (0, 1), (count - 1, count), (count // 2, count // 2 + 1)})
        proofs = [[a, z, [each.hex() for each in merkle.make_proof(leaves, a, z)]] for a, z in spans]
        trees.append(
            {
                "blocks": [block.hex() for block in blocks],
                "root": merkle.root(leaves, 12, 12).hex(),
                "proofs": proofs,
            }
        )
    return {"stripes": examples, "trees": trees}


def objects() -> dict[str, Any]:
    """Sections 6 to 8: a lone file and a pack, as keepers hold them."""
    data = b"".join(LONE.sealed)
    lone = Stored("lone", LONE.key, LONE.scope.version_id, data, SEGMENT_SIZE + 48, 3, 5)
    offset, entries = 0, []
    for note in NOTES:
        entries.append(note.entry(offset))
        offset += entries[-1].length
    joined = b"".join(note.sealed[0] for note in NOTES)
    joined += fixed("pack padding", padme(len(joined)) - len(joined))
    pack = Stored("pack", Fek(fixed("pack key")), fixed("pack", 16), joined, PACK_STRIPE_SIZE, 2, 3)
    made = {}
    for stored, kind, files in (
        (lone, c.ObjectKind.FILE, (LONE.entry(),)),
        (pack, c.ObjectKind.PACK, tuple(entries)),
    ):
        summary = summary_of(stored, kind, files)
        commit = committed(summary, stored.name)
        made[stored.name] = {
            "layout": stored.layout.to_bytes().hex(),
            "summary": summary.to_record().hex(),
            "commit": commit.hex(),
            "fragment_files": [stored.fragment_file(index, commit).hex() for index in range(stored.m)],
        }
    return {**made, "provisional": lone.fragment_file(0, b"").hex(), "log_frame": frame(b"entry").hex()}
