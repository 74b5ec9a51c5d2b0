"""Records that the gateway kept and cannot read: they count as not there, and never stop it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats.tests.mutations import FUZZ, mutated

from piccolo_gateway.adapters.journal import FileJournal
from piccolo_gateway.core import tokens
from piccolo_gateway.core.idempotency import Note
from piccolo_gateway.engine.uploads import Record, _decode

TOKEN: Final = tokens.make(
    "a name", [], 60, 1_700_000_000, bytes(tokens.ID_BYTES + tokens.SECRET_BYTES)
).record
UPLOAD: Final = Record("u1", "/a", "text/plain", 1, 2, 3)
NOTE: Final = Note("caller", "key", b"f" * 32, 1_700_000_000)
ODD: Final = st.sampled_from([b"[" * 3_000, b'{"x":' * 3_000, b'{"name": "\xff"}', b"\xff\xfe", b"", b"null"])


@FUZZ
@given(mutated(TOKEN.encode()) | ODD)
def test_a_token_is_what_was_kept_or_none(kept: bytes) -> None:
    found = tokens.decode(kept)
    assert found is None or isinstance(found.scopes, list)


@FUZZ
@given(mutated(msgspec.json.encode(UPLOAD)) | ODD)
def test_an_upload_is_what_was_kept_or_none(kept: bytes) -> None:
    found = _decode(kept)
    assert found is None or isinstance(found.size, int)


@FUZZ
@given(mutated(msgspec.json.encode(NOTE)) | ODD)
def test_a_note_that_cannot_be_read_hides_no_other(kept: bytes) -> None:
    async def read() -> list[Note]:
        with tempfile.TemporaryDirectory() as folder:
            journal = FileJournal(Path(folder))
            await journal.keep(NOTE)
            (Path(folder) / "spoilt").write_bytes(kept)
            return await journal.notes()

    assert NOTE in asyncio.run(read())
