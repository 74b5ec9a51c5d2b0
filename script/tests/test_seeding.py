"""script/seed as people call it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from piccolo_chassis import command
from piccolo_provision.core import ignition

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.component,
    pytest.mark.skipif(shutil.which("mcopy") is None, reason="no mtools on this machine"),
]


async def seed(folder: Path, *words: str) -> tuple[int, str]:
    """Its status, and what it said."""
    keys = ("--keys", str(folder / "keys"), "--folder", str(folder / "site"))
    done = await command.run(
        [sys.executable, "-m", "script.seeding", *keys, *words],
        seconds=60.0,
        environment={"PYTHONPATH": str(ROOT)},
        folder=folder,
        check=False,
    )
    return done.status, (done.stdout + done.stderr).decode()


async def test_a_volume_and_its_entry_are_made_and_renewed(tmp_path: Path) -> None:
    (tmp_path / "kitchen.toml").write_text('[time]\nservers = ["ntp.example.org"]\n')
    status, said = await seed(
        tmp_path, "--site", "https://example.org", "--configuration", "kitchen.toml", "kitchen", "kitchen.img"
    )
    assert status == 0, said
    assert "nodes/kitchen" in said
    assert "kitchen.img" in said
    entry = tmp_path / "site/nodes/kitchen"
    before = entry.read_bytes()
    assert (tmp_path / "kitchen.img").stat().st_size == 2 << 20
    assert (tmp_path / "keys/minisign.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob(".seed-*")] == []
    status, said = await seed(tmp_path, "--offline", "kitchen", "kitchen.ign")
    assert status == 0, said
    assert {"nodename", "node.age"} <= set(ignition.files((tmp_path / "kitchen.ign").read_bytes()))
    assert (tmp_path / "kitchen.ign").stat().st_mode & 0o777 == 0o600
    status, said = await seed(tmp_path, "--update", "kitchen")
    assert (status, entry.read_bytes() != before) == (0, True), said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("kitchen",), "either OUT or --update"),
        (("--update", "kitchen", "out.img"), "either OUT or --update"),
        (("kitchen", "out.img"), "needs --site, --offline or both"),
        (("--offline", "Kitchen", "out.img"), "none that a device can have"),
        (("--offline", "../kitchen", "out.img"), "none that a device can have"),
        (("--site", "example.org", "kitchen", "out.img"), "address on the seed volume is none"),
        (("--offline", "--days", "0", "kitchen", "out.img"), "has expired"),
        (("--offline", "--configuration", "wrong.toml", "kitchen", "out.img"), "ntp"),
        (("--offline", "--configuration", "none.toml", "kitchen", "out.img"), "none.toml"),
        (("--update", "cellar"), "cellar"),
        (("--update", "../cellar"), "cellar"),
    ],
)
async def test_what_would_be_no_seed_is_refused_in_words(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "wrong.toml").write_text('ntp = "ntp.example.org"\n')
    status, said = await seed(tmp_path, *words)
    assert status != 0
    assert told in said
    assert "Traceback" not in said
    assert not (tmp_path / "out.img").exists()
    assert not (tmp_path / "site").exists()
