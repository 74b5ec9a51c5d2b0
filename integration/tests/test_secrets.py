"""An owner's secrets lie nowhere: not in a log, not on a disk, not with anybody else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from piccolo_formats.kek import Kek

from integration.circle import Circle, circle
from integration.client import ApiError
from integration.owner import Owner

NAME: Final = "letter-to-nobody-but-me"
TEXT: Final = b"What I never told anyone is written in this sentence."
PASSPHRASE: Final = "an unusual passphrase of six words"
GUESS: Final = "a wrong guess that was typed in"


def _forms(secret: bytes) -> Iterator[bytes]:
    """A secret as it is, and as programs like to print it."""
    yield secret
    yield secret.hex().encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield repr(secret).encode()[2:-1]


def _keys(words: str) -> dict[str, bytes]:
    kek = Kek.from_words(words)
    return {
        "KEK": kek.reveal(),
        "FEK wrapping key": kek.fek_wrapping_key(),
        "disk key": kek.disk(),
        "words": " ".join(words.split()[5:8]).encode(),
        "passphrase": PASSPHRASE.encode(),
        "guess": GUESS.encode(),
    }


def _found(files: Iterator[Path], secrets: dict[str, bytes]) -> list[tuple[str, Path]]:
    forms = [(name, form) for name, secret in secrets.items() for form in _forms(secret)]
    return [
        (name, path)
        for path in files
        if path.is_file() and not path.is_symlink() and (data := path.read_bytes())
        for name, form in forms
        if form in data
    ]


async def _live(made: Circle) -> Owner:
    """What an owner does in a bad week: all kinds of secrets pass through every service."""
    owner = made.owners[0]
    await owner.api.put(f"/{NAME}.txt", TEXT)
    await owner.api.put(f"/{NAME}.bin", TEXT * 20_000)
    assert await owner.api.get(f"/{NAME}.txt") == TEXT
    await owner.api.lock()
    owner.api.passphrase = GUESS
    with pytest.raises(ApiError):
        await owner.api.unlock()
    owner.api.passphrase = PASSPHRASE
    await owner.api.backed_up()
    await owner.burn()
    await owner.start()
    await owner.api.recover()
    assert await owner.api.get(f"/{NAME}.txt") == TEXT
    await owner.api.backed_up()
    return owner


@pytest.mark.circle
async def test_secrets_are_in_no_log_on_no_disk_and_with_nobody_else(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    async with circle(tmp_path, 3, passphrase=PASSPHRASE) as made:
        owner = await _live(made)
        keys, content = _keys(owner.api.words), {"content": TEXT, "name": NAME.encode()}
        everywhere = list(tmp_path.rglob("*"))
        logs = list(tmp_path.glob("*/*/log"))
        others = [path for path in everywhere if owner.device.folder not in path.parents]
        assert len(logs) == 3 * len(owner.device.services) + 1
        assert _found(iter(everywhere), keys) == []
        assert _found(iter([*logs, *others]), content) == []
        assert _found(owner.device.folder.rglob("*"), {"content": TEXT}) == []
