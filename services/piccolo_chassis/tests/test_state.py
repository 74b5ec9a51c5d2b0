"""A state folder has one user, one owner and one version."""

from __future__ import annotations

import subprocess  # noqa: TID251 - the lock must hold against another process, and after its death
import sys
from pathlib import Path

import pytest

from piccolo_chassis import state
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import Format, claim, version_in, write_durably

HOLDER = """
import sys, time, pathlib
from piccolo_chassis.state import Format, claim
with claim(pathlib.Path(sys.argv[1]), Format("toy", 1, 1, 1)):
    print("held", flush=True)
    sys.stdin.read()
"""


def toy(written: int, oldest: int = 0, newest: int = 0) -> Format:
    return Format("toy", written, oldest, max(written, newest))


def test_a_new_folder_is_made_private_and_stamped(tmp_path: Path) -> None:
    with claim(tmp_path / "a/state", toy(3)) as held:
        assert (held.found, held.format.written) == (3, 3)
    assert (tmp_path / "a/state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a/state/format").read_text() == "piccolo-toy 3\n"


def test_an_older_version_is_the_service_s_to_migrate(tmp_path: Path) -> None:
    with claim(tmp_path, toy(1)):
        pass
    with claim(tmp_path, toy(2)) as held:
        assert held.found == 1
    with claim(tmp_path, toy(2)) as held:
        assert held.found == 1, "a migration that did not end must be seen again"
        held.stamp()
    with claim(tmp_path, toy(2)) as held:
        assert held.found == 2


def test_what_a_release_that_was_given_up_wrote_is_opened_and_left_as_it_is(tmp_path: Path) -> None:
    with claim(tmp_path, toy(2)):
        pass
    with claim(tmp_path, toy(1, newest=2)) as held:
        assert (held.found, held.format.written) == (2, 1)
    assert (tmp_path / "format").read_text() == "piccolo-toy 2\n"
    assert refused(tmp_path, 1).reason == "STATE_NEWER"


def refused(folder: Path, version: int = 1, oldest: int = 0) -> PiccoloError:
    with pytest.raises(PiccoloError) as failed, claim(folder, toy(version, oldest)):
        pass
    return failed.value


def test_a_newer_version_is_refused_in_words_and_left_alone(tmp_path: Path) -> None:
    with claim(tmp_path, toy(7)):
        pass
    error = refused(tmp_path, 6)
    assert (error.kind, error.reason) == (Kind.PRECONDITION, "STATE_NEWER")
    assert "version 7, this one knows 6" in error.message
    assert (tmp_path / "format").read_text() == "piccolo-toy 7\n"


def test_a_version_that_is_no_longer_opened_is_refused_and_left_alone(tmp_path: Path) -> None:
    with claim(tmp_path, toy(2)):
        pass
    error = refused(tmp_path, 5, oldest=3)
    assert (error.kind, error.reason) == (Kind.PRECONDITION, "STATE_OLDER")
    assert "version 2, this one opens 3 and newer" in error.message
    assert (tmp_path / "format").read_text() == "piccolo-toy 2\n"


def test_a_folder_tells_whose_it_is_and_what_it_is_in(tmp_path: Path) -> None:
    assert version_in(tmp_path, "toy") is None
    with claim(tmp_path, toy(7)):
        assert version_in(tmp_path, "toy") == 7
    assert version_in(tmp_path, "other") is None
    assert version_in(tmp_path / "format", "toy") is None, "no folder"


@pytest.mark.parametrize(
    "text",
    ["piccolo-other 1\n", "", "piccolo-toy x", "piccolo-toy -1", "\udcff".encode(errors="surrogateescape")],
)
def test_a_foreign_folder_is_refused(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "format").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refused(tmp_path).reason == "STATE_FOREIGN"


def test_a_folder_with_things_in_it_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert refused(tmp_path).reason == "STATE_FOREIGN"
    assert not (tmp_path / "format").exists()


def test_a_first_start_that_was_cut_off_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / ".format.new").write_text("piccolo-t")
    with claim(tmp_path, toy(1)) as held:
        assert held.found == 1


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file/state").reason == "STATE_FOLDER"


def test_a_durable_write_replaces_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_durably(path, b"long old content")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


@pytest.mark.component
def test_two_processes_never_share_a_folder_and_death_frees_it(tmp_path: Path) -> None:
    program = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        error = refused(tmp_path)
        assert (error.kind, error.reason) == (Kind.UNAVAILABLE, "STATE_IN_USE")
        other.kill()
        other.wait(10)
        with claim(tmp_path, toy(1)):
            pass


def test_a_new_folder_is_durable_in_the_one_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it was there already: a first start that was cut off may have made it and no more."""
    synced: list[Path] = []
    monkeypatch.setattr(state, "sync_folder", synced.append)
    (tmp_path / "a/state").mkdir(parents=True)
    with claim(tmp_path / "a/state", toy(1)):
        pass
    assert {tmp_path / "a", tmp_path} <= {*synced[:-1]}, "before anything in it is said to be durable"
    assert synced[-1] == tmp_path / "a/state"


def test_a_folder_within_one_that_is_durable_costs_no_more_than_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(state, "sync_folder", synced.append)
    state.make_folder(tmp_path / "b/c", within=tmp_path)
    assert synced == [tmp_path, tmp_path / "b"]
    assert (tmp_path / "b/c").stat().st_mode & 0o777 == 0o700


def test_what_lies_on_a_file_system_that_is_never_written_needs_no_sync() -> None:
    folder = Path("/proc/self")
    with pytest.raises(OSError, match="Invalid argument"):
        state.sync_folder(folder.parent)
    state.make_folder(folder)
