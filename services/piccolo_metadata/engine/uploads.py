"""The journal of uploads, so that they can be resumed after a crash. It is in no backup.

Rules:
* Segments are recorded in order without gaps, each with one 32-byte leaf a block; a checkpoint is one row.
* Beginning again with the same facts changes nothing; with other facts under the same id it is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.objects import Upload
from piccolo_metadata.core.pages import PAGE_BYTES
from piccolo_metadata.core.paths import Path
from piccolo_metadata.ports import Row, Rows, Transaction

_COLUMNS: Final = (
    "upload_id, path, modified, media, expected_revision, vault_state, blocks, size, at_risk,"
    " durable_segments, touched"
)
_LEAF: Final = 32


def begin(tx: Transaction, upload: Upload) -> None:
    """Journals an upload.

    Raises PiccoloError INVALID (PATH_INVALID, PATH_TOO_LONG, UPLOAD_INVALID) or ALREADY_EXISTS
    (UPLOAD_EXISTS).
    """
    upload = replace(upload, path=str(Path.parse(upload.path)), durable_segments=0, touched=tx.now)
    if not 1 <= upload.blocks <= 255:
        raise PiccoloError(Kind.INVALID, "UPLOAD_INVALID", "A segment has 1 to 255 blocks.")
    present = _find(tx, upload.upload_id)
    if present:
        if replace(present, durable_segments=0, touched=tx.now) != upload:
            raise PiccoloError(
                Kind.ALREADY_EXISTS, "UPLOAD_EXISTS", "Another upload has this id; choose a random one."
            )
        return
    tx.run(
        f"INSERT INTO upload ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",  # noqa: S608 - a constant
        upload.upload_id,
        upload.path,
        upload.modified,
        upload.media,
        upload.expected_revision,
        upload.vault_state,
        upload.blocks,
        upload.size,
        int(upload.at_risk),
        upload.touched,
    )


def checkpoint(tx: Transaction, upload_id: str, first: int, leaves: bytes) -> int:
    """Records durable segments; returns how many there are now.

    Raises PiccoloError NOT_FOUND (UPLOAD_NOT_FOUND), PRECONDITION (NOT_CONTIGUOUS) or INVALID
    (LEAVES_INVALID).
    """
    upload = get(tx, upload_id)
    if first != upload.durable_segments:
        raise PiccoloError(
            Kind.PRECONDITION,
            "NOT_CONTIGUOUS",
            f"Segment {upload.durable_segments} comes next, not {first}.",
            {"durable_segments": str(upload.durable_segments)},
        )
    count, rest = divmod(len(leaves), _LEAF * upload.blocks)
    if rest:
        raise PiccoloError(
            Kind.INVALID, "LEAVES_INVALID", f"The leaves are not those of whole segments of {upload.blocks}."
        )
    if count:
        tx.run(
            "INSERT INTO upload_leaves (upload_id, first, leaves) VALUES (?, ?, ?)", upload_id, first, leaves
        )
    tx.run(
        "UPDATE upload SET durable_segments = ?, touched = ? WHERE upload_id = ?",
        first + count,
        tx.now,
        upload_id,
    )
    return first + count


def get(rows: Rows, upload_id: str) -> Upload:
    """One upload; raises PiccoloError NOT_FOUND, UPLOAD_NOT_FOUND."""
    upload = _find(rows, upload_id)
    if upload is None:
        raise PiccoloError(
            Kind.NOT_FOUND, "UPLOAD_NOT_FOUND", "There is no such upload: it has ended, or never began."
        )
    return upload


def listing(rows: Rows) -> list[Upload]:
    """All uploads, oldest first."""
    return [_upload(row) for row in rows.each(f"SELECT {_COLUMNS} FROM upload ORDER BY rowid")]  # noqa: S608


def leaves_after(rows: Rows, upload_id: str, first: int) -> tuple[list[bytes], int | None]:
    """Recorded leaves from a segment on, a checkpoint a piece, up to about 4 MiB; and where to go on.

    Raises PiccoloError NOT_FOUND, UPLOAD_NOT_FOUND.
    """
    get(rows, upload_id)
    pieces: list[bytes] = []
    weight = 0
    sql = "SELECT first, leaves FROM upload_leaves WHERE upload_id = ? AND first >= ? ORDER BY first"
    for number, leaves in rows.each(sql, upload_id, first):
        weight += len(leaves)
        if pieces and weight > PAGE_BYTES:
            return pieces, number
        pieces.append(leaves)
    return pieces, None


def forget(tx: Transaction, upload_id: str) -> None:
    """Ends an upload; one that is not there is as good."""
    tx.run("DELETE FROM upload_leaves WHERE upload_id = ?", upload_id)
    tx.run("DELETE FROM upload WHERE upload_id = ?", upload_id)


def _find(rows: Rows, upload_id: str) -> Upload | None:
    row = rows.one(f"SELECT {_COLUMNS} FROM upload WHERE upload_id = ?", upload_id)  # noqa: S608
    return _upload(row) if row else None


def _upload(row: Row) -> Upload:
    return replace(Upload(*row), at_risk=bool(row[8]))
