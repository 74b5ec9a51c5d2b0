"""The places under /run, and what one step takes of another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from piccolo_provision.adapters import system
from piccolo_provision.adapters.handover import Handover, read
from piccolo_provision.adapters.kept import Kept
from piccolo_provision.core.memory import Memory
from piccolo_provision.core.places import PLACES

NETWORK = ("networkctl", "reload")
FACE = ("systemctl", "--no-block", "try-restart", "piccolo-gateway.service")


def own_group(_name: str) -> int:
    return os.getgid()


def install(run: Path, files: dict[str, bytes]) -> list[object]:
    return list(system.install(run, files, own_group))


def test_places_hold_what_was_made_and_nothing_older(tmp_path: Path) -> None:
    files = {"wireguard.netdev": b"secret", "wireguard.network": b"x", "gateway.toml": b"y"}
    assert install(tmp_path, files) == [NETWORK, FACE]
    netdev = tmp_path / PLACES["wireguard.netdev"].path
    assert (netdev.read_bytes(), netdev.stat().st_mode & 0o777) == (b"secret", 0o640)
    assert netdev.parent.stat().st_mode & 0o777 == 0o755
    assert install(tmp_path, files) == [], "nobody is told of what did not change"
    assert install(tmp_path, {"gateway.toml": b"y"}) == [NETWORK]
    assert not netdev.exists()
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["gateway.toml"]


def test_who_reads_settings_at_its_start_only_is_started_anew_once(tmp_path: Path) -> None:
    assert install(tmp_path, {"claim-code": b"x", "gateway.toml": b"y"}) == [FACE]
    assert install(tmp_path, {"gateway.toml": b"y"}) == [FACE]
    for place in PLACES.values():
        service = place.group.removeprefix("piccolo-")
        assert place.group == service or place.reload[-1] == f"piccolo-{service}.service"


def test_what_a_cut_off_step_left_is_written_over(tmp_path: Path) -> None:
    place = tmp_path / PLACES["gateway.toml"].path
    place.parent.mkdir(parents=True)
    place.with_name(".gateway.toml.new").write_bytes(b"half")
    install(tmp_path, {"gateway.toml": b"whole"})
    assert place.read_bytes() == b"whole"
    assert [path.name for path in place.parent.iterdir()] == ["gateway.toml"]


def test_a_link_is_not_followed_into_what_only_root_may_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "files").mkdir()
    (tmp_path / "files/gateway.toml").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic"):
        Handover(tmp_path).files(PLACES)


def test_what_is_no_file_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no file that was left here"):
        read(tmp_path, ["pipe"])


def test_names_that_are_no_places_are_left_out(tmp_path: Path) -> None:
    Handover(tmp_path).leave_files({"other": b"x"})
    assert Handover(tmp_path).files(PLACES) == {}


@pytest.mark.parametrize("damage", [b"", b"{", b'{"signer": 1}', b"\xff"])
def test_a_damaged_memory_is_none(tmp_path: Path, damage: bytes) -> None:
    kept = Kept(tmp_path)
    assert kept.read() == Memory()
    kept.write(Memory("signer", {"kitchen": 3}, b"sealed", b"signature"))
    assert kept.read().serials == {"kitchen": 3}
    (tmp_path / "memory.json").write_bytes(damage)
    assert kept.read() == Memory()
