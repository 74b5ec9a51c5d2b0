"""State files: one contract for the folder and its fake, and what only a disk can do."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.adapters.state_files import FolderFiles
from piccolo_vault.ports.custody import StateFiles
from piccolo_vault.testing_keys import MemoryFiles


@pytest.fixture(params=["folder", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> StateFiles:
    return FolderFiles(tmp_path) if request.param == "folder" else MemoryFiles()


def test_what_was_saved_is_loaded(files: StateFiles) -> None:
    assert files.load("owner") is None
    files.save("owner", b"one")
    files.save("owner", b"two")
    files.save("kek.sealed", b"")
    assert (files.load("owner"), files.load("kek.sealed")) == (b"two", b"")


def test_what_was_removed_is_gone(files: StateFiles) -> None:
    files.save("owner", b"one")
    files.remove("owner")
    files.remove("owner")
    assert files.load("owner") is None


def test_another_process_sees_it(tmp_path: Path) -> None:
    FolderFiles(tmp_path).save("owner", b"one")
    assert FolderFiles(tmp_path).load("owner") == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["owner"]


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (errno.ENOSPC, Kind.FULL, "STATE_FULL"),
        (errno.EDQUOT, Kind.FULL, "STATE_FULL"),
        (errno.EIO, Kind.UNAVAILABLE, "STATE_UNWRITABLE"),
        (errno.EROFS, Kind.UNAVAILABLE, "STATE_UNWRITABLE"),
    ],
)
def test_a_disk_that_refuses_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: Kind, reason: str
) -> None:
    files = FolderFiles(tmp_path)
    files.save("owner", b"one")

    def refuse(*_: object) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr("piccolo_chassis.state.write_durably", refuse)
    monkeypatch.setattr("piccolo_chassis.state.sync_folder", refuse)
    change: Callable[[], None]
    for change in (lambda: files.save("owner", b"two"), lambda: files.remove("other")):
        with pytest.raises(PiccoloError) as caught:
            change()
        assert (caught.value.kind, caught.value.reason) == (kind, reason)
    assert files.load("owner") == b"one"


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_leaves_nothing_to_be_believed(tmp_path: Path, seed: int) -> None:
    FolderFiles(tmp_path).save("owner", b"one owner")
    content, chance = bytearray((tmp_path / "owner").read_bytes()), Random(seed)
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    (tmp_path / "owner").write_bytes(content)
    assert FolderFiles(tmp_path).load("owner") == b""


def test_an_unreadable_file_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "owner").mkdir()
    with pytest.raises(PiccoloError) as caught:
        FolderFiles(tmp_path).load("owner")
    assert caught.value.reason == "STATE_UNREADABLE"
