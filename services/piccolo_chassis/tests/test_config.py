"""Configuration is typed, layered, and fatal where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest

from piccolo_chassis.config import credential, load
from piccolo_chassis.errors import Kind, PiccoloError


class Mode(StrEnum):
    FAST = "fast"
    SAFE = "safe"


@dataclass(frozen=True, slots=True)
class Door:
    port: int
    host: str = "localhost"

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ValueError(f"port {self.port} does not exist")


@dataclass(frozen=True, slots=True)
class Settings:
    door: Door
    folder: Path = Path("/var")
    ratio: float = 0.5
    on: bool = False
    mode: Mode = Mode.SAFE
    level: Literal["low", "high"] = "low"
    names: tuple[str, ...] = ()
    doors: tuple[Door, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    note: str | None = None


def read(folder: Path, *texts: str) -> Settings:
    paths = [folder / f"{number}.toml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return load(Settings, paths)


def test_defaults_fill_what_is_not_said(tmp_path: Path) -> None:
    assert read(tmp_path, "[door]\nport = 1") == Settings(Door(1))


def test_every_type_is_read(tmp_path: Path) -> None:
    text = """
        folder = "/srv"
        ratio = 2
        on = true
        mode = "fast"
        level = "high"
        names = ["a", "b"]
        note = "words"
        limits = {x = 3}
        doors = [{port = 5}]
        door = {port = 4, host = "h"}
    """
    expected = Settings(
        Door(4, "h"), Path("/srv"), 2.0, True, Mode.FAST, "high", ("a", "b"), (Door(5),), {"x": 3}, "words"
    )
    found = read(tmp_path, text)
    assert found == expected
    assert isinstance(found.ratio, float)


def test_later_layers_win_key_by_key(tmp_path: Path) -> None:
    found = read(tmp_path, 'note = "a"\n[door]\nport = 1\nhost = "x"', "[door]\nport = 2", 'note = "c"')
    assert (found.door, found.note) == (Door(2, "x"), "c")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dor = 1\n[door]\nport = 1", "unknown key dor"),
        ("[door]\nport = 1\nprot = 2", "unknown key door.prot"),
        ("", "door is missing"),
        ("[door]", "door.port is missing"),
        ("[door]\nport = '1'", "door.port must be int, not str"),
        ("[door]\nport = true", "door.port must be int, not bool"),
        ("door = 3", "door must be dict, not int"),
        ("on = 1\n[door]\nport = 1", "on must be bool"),
        ("mode = 'slow'\n[door]\nport = 1", "mode must be one of 'fast', 'safe'"),
        ("level = 'mid'\n[door]\nport = 1", "level must be one of"),
        ("names = ['a', 2]\n[door]\nport = 1", r"names\[1\] must be str"),
        ("limits = {x = 'y'}\n[door]\nport = 1", r"limits\.x must be int"),
        ("doors = [{port = 1, prot = 2}]\n[door]\nport = 1", r"unknown key doors\[0\]\.prot"),
        ("[door]\nport = 0", "door: port 0 does not exist"),
    ],
)
def test_what_is_wrong_is_fatal_and_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PiccoloError, match=told) as failed:
        read(tmp_path, text)
    assert (failed.value.kind, failed.value.reason) == (Kind.INVALID, "CONFIG_WRONG")
    assert "0.toml" in failed.value.message


@pytest.mark.parametrize("content", [b"[door", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "broken.toml").write_bytes(content)
    with pytest.raises(PiccoloError, match=r"broken\.toml") as failed:
        load(Settings, [path])
    assert failed.value.reason == "CONFIG_UNREADABLE"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PiccoloError, match="nowhere"):
        load(Settings, [tmp_path / "nowhere"])


def test_a_credential_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(b"\x00\xff\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert credential("key") == b"\x00\xff\n"


@pytest.mark.parametrize("folder", ["/nonexistent", None])
def test_a_missing_credential_says_what_the_unit_lacks(monkeypatch: pytest.MonkeyPatch, folder: Any) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if folder:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", folder)
    with pytest.raises(PiccoloError, match="LoadCredential=key"):
        credential("key")
