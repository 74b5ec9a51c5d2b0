"""Files come back from the words and any k keepers' folders, by a program that knows only the page."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import random
import shutil
import unicodedata
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import cbor2
import pytest
from piccolo_formats.commit_record import make_commit
from piccolo_formats.fek import Fek, Scope
from piccolo_formats.fragment_file import build_header, build_tail
from piccolo_formats.merkle import leaf
from piccolo_formats.records.commit import ObjectKind, Summary
from piccolo_formats.records.fragment import FragmentHeader
from piccolo_formats.tests.vectors.objects import File, Stored, summary_of
from piccolo_formats.tests.vectors.people import ADA
from piccolo_formats.tests.vectors.repeatable import fixed

from integration import reader
from integration.circle import Circle, circle
from integration.owner import Owner

PAGE: Final = Path(__file__).parents[2] / "docs" / "storage-format.vectors.json"
OURS: Final = ("integration", "piccolo")
NAMES: Final = (
    "/Ελληνικά/αρχείο.txt",
    "/中文/文件 (1).txt",
    "/עברית/קובץ",
    "/emoji/🦊 & 🐻.txt",
    "/" + unicodedata.normalize("NFD", "Zürich/Übung") + ".txt",
    "/ spaces / and\ttab",
    "/quotes'\"/back\\slash",
    "/-rf",
    "/" + "n" * 250,
)


def test_the_reader_is_made_of_the_page_alone() -> None:
    text = Path(reader.__file__).read_text("utf-8")
    imported = [
        name
        for node in ast.walk(ast.parse(text))
        for name in (
            [node.module or "integration"]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]
    assert "zfec" in imported
    assert [name for name in imported if name.startswith(OURS)] == []
    assert "import_module" not in text
    assert "__import__" not in text
    assert len(text.splitlines()) <= 300


def test_the_worked_examples_are_read(tmp_path: Path) -> None:
    stores, words = _example(tmp_path)
    report, lost = reader.rebuild(words, tmp_path / "out", stores)
    assert lost == 0, report
    assert sorted(_files(tmp_path / "out")) == ["/diary/2026.txt", *(f"/notes/{n}.txt" for n in range(4))]


def test_any_byte_of_a_fragment_may_be_damaged_and_the_others_do(tmp_path: Path) -> None:
    """The examples have one more fragment than is needed, and whatever is wrong in one is told."""
    stores, words = _example(tmp_path)
    reader.rebuild(words, tmp_path / "whole", stores)
    whole, dice = _files(tmp_path / "whole"), random.Random(5)
    fragments = sorted(stores[0].rglob("live/*/*/*"))
    for round_ in range(60):
        victim = dice.choice(fragments)
        kept = victim.read_bytes()
        broken = bytearray(kept)
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        victim.write_bytes(broken if round_ % 3 else broken[: dice.randrange(1, len(broken))])
        out = tmp_path / f"out{round_}"
        report, lost = reader.rebuild(words, out, stores)
        assert (lost, _files(out)) == (0, whole)
        assert str(victim) in report
        victim.write_bytes(kept)
        shutil.rmtree(out)


def test_other_words_read_nothing_and_say_so(tmp_path: Path) -> None:
    stores, _ = _example(tmp_path)
    other = "abandon " * 23 + "art"
    report, lost = reader.rebuild(other, tmp_path / "out", stores)
    assert (lost, _files(tmp_path / "out")) == (0, {})
    assert "not sealed to these words" in report
    with pytest.raises(ValueError, match="not 24 recovery words"):
        reader.rebuild("abandon " * 24, tmp_path / "out2", stores)


WORDS: Final = " ".join(ADA.kek.to_words())
ESCAPES: Final = (
    "/../../../escaped",
    "../escaped",
    "/a/../../escaped",
    "..",
    ".",
    "/",
    "/./x",
    "/nul\0byte",
    "/" + "long" * 100,
    "/a file/below it",
)


def test_no_path_leads_out_of_the_folder_and_none_is_lost(tmp_path: Path) -> None:
    """The owner's own device wrote these, or somebody who had its key."""
    paths = ["/a file", *ESCAPES]
    files = [File(path, path.encode()[:200], packed=True) for path in paths]
    _keep(tmp_path / "keeper", "names", files)
    report, lost = reader.rebuild(WORDS, tmp_path / "out" / "put", [tmp_path / "keeper"])
    assert lost == 0, report
    assert not list(tmp_path.rglob("*escaped*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keeper", "out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["put"]
    found = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(found) == sorted(file.data for file in files)


def test_a_repair_of_an_old_version_does_not_make_it_the_newest(tmp_path: Path) -> None:
    """A newer record, with newer fragments even, tells of the same old version."""
    old, new, half = (File("/x", data, packed=True) for data in (b"old", b"new", b"never told"))
    for number, file in enumerate((old, new, half)):
        vars(file)["scope"] = Scope(fixed("x file", 16), bytes([number]) * 16)
    _keep(tmp_path / "keeper", "old", [old], written=3, rebuilt=8, renewed=9)
    _keep(tmp_path / "keeper", "new", [new], written=5)
    _keep(tmp_path / "keeper", "half", [half], written=7, state="provisional")
    report, lost = reader.rebuild(WORDS, tmp_path / "out", [tmp_path / "keeper"])
    assert lost == 0, report
    assert _files(tmp_path / "out") == {"/x": b"new"}


def _keep(
    keeper: Path,
    name: str,
    files: list[File],
    *,
    written: int = 1,
    rebuilt: int = 0,
    renewed: int = 0,
    state: str = "live",
) -> None:
    """A pack of one fragment, as a keeper has it."""
    data = b"".join(segment for file in files for segment in file.sealed)
    pack = Stored(name, Fek(fixed(f"{name} key")), fixed(f"{name} pack", 16), data, 65_536, 1, 2)
    offsets = accumulate((sum(map(len, file.sealed)) for file in files), initial=0)
    entries = tuple(
        replace(file.entry(offset), seq=written) for file, offset in zip(files, offsets, strict=False)
    )
    summary = summary_of(pack, ObjectKind.PACK, entries)
    header = FragmentHeader(
        owner=ADA.id,
        fragment_id=pack.layout.record.fragment_id(0),
        generation=1,
        seq=rebuilt or written,
        block_size=pack.plan.block_size,
        created=1,
    )
    begin, leaves = build_header(header), b"".join(map(leaf, pack.blocks[0]))
    record = _commit(replace(summary, seq=written))
    end = build_tail(begin, leaves, pack.plan.last_block_size, record)
    place = keeper / state / ADA.id.hex() / header.fragment_id.hex()[:2] / header.fragment_id.hex()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(begin + b"".join(pack.blocks[0]) + end)
    if renewed:
        place.with_suffix(".record").write_bytes(_commit(replace(summary, seq=renewed)))


def _commit(summary: Summary) -> bytes:
    return make_commit(summary, ADA.kek.backup().public, ADA.role("vault"), os.urandom).to_bytes()


def _example(folder: Path) -> tuple[list[Path], str]:
    """The worked examples as the folders of five keepers."""
    vectors: dict[str, Any] = json.loads(PAGE.read_text())
    for kind in ("lone", "pack"):
        example = vectors["objects"][kind]
        layout = cbor2.loads(cbor2.loads(bytes.fromhex(example["layout"]))[0])
        for index, data in enumerate(example["fragment_files"]):
            name = layout["fragments"][16 * index : 16 * index + 16].hex()
            place = folder / f"keeper{index}" / "live" / layout["owner"].hex() / name[:2] / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(bytes.fromhex(data))
    return sorted(folder.glob("keeper*")), vectors["keys"]["words"]


def _files(out: Path) -> dict[str, bytes]:
    """What lies at its own path."""
    root = out / "files"
    return {f"/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def _live(owner: Owner) -> tuple[dict[str, bytes], list[bytes]]:
    """Files of every kind; what is at each path, and what was there before."""
    now = {
        "/none": b"",
        "/one": b"1",
        "/pack": os.urandom(200_000),
        "/message": os.urandom(1 << 20),
        "/message and some": os.urandom((3 << 20) + 7),
        "/deep/er/streamed": os.urandom((9 << 20) + 12_345),
        **{name: f"the content of {name}".encode() for name in NAMES},
    }
    for path, data in now.items():
        await owner.api.put(path, data)
    before = [b"first", os.urandom(300_000), os.urandom(5 << 20)]
    for data in before:
        await owner.api.put("/changed", data)
    now["/changed"] = b"as it is now"
    await owner.api.put("/changed", now["/changed"])
    return now, before


async def _pack(owner: Owner) -> dict[str, bytes]:
    """Small files that were written together, of which one was deleted."""
    files = {f"/together/{n}": os.urandom(2_000) for n in range(12)}
    await asyncio.gather(*(owner.api.put(path, data) for path, data in files.items()))
    await owner.api.delete("/together/5")
    return files


@pytest.mark.circle
async def test_every_file_comes_back_from_any_k_keepers_and_the_words(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    brisk = {"chores_seconds": 0.5, "quiet_seconds": 0.0}
    async with circle(tmp_path / "circle", 5, store=brisk) as made:
        now, before = await _live(made.owners[0])
        together = await _pack(made.owners[0])
        await made.owners[0].api.heals(2)  # with fragments on four devices: at first one may have two
        stores = _keepers(made)
        words = made.owners[0].api.words
        for owner in made.owners:
            await owner.device.stop()
    await asyncio.to_thread(_read_back, tmp_path, words, stores, now | together, before)


def _keepers(made: Circle) -> list[Path]:
    return [owner.device.state("fragment-store") for owner in made.owners[1:]]


def _read_back(
    folder: Path, words: str, stores: list[Path], files: dict[str, bytes], before: list[bytes]
) -> None:
    """Two of four fragments are enough, and one is not. A deleted file may come back with its pack."""
    for number, pair in enumerate((stores[:2], stores[2:], stores[::3])):
        out = folder / f"out{number}"
        report, lost = reader.rebuild(words, out, pair)
        assert lost == 0, report
        assert _files(out) | {"/together/5": files["/together/5"]} == files
        older = [path.read_bytes() for path in (out / "versions").iterdir()]
        assert sorted(older) == sorted(before)
    _one_bit(folder, words, stores, files)
    report, lost = reader.rebuild(words, folder / "one", stores[:1])
    assert (lost, _files(folder / "one")) == (len(files) + len(before), {}), report
    for path in files:
        assert f"{path!r} CANNOT BE READ: it needs 2 fragments, and 1 are here and whole" in report


def _one_bit(folder: Path, words: str, stores: list[Path], files: dict[str, bytes]) -> None:
    """One flipped bit in the largest fragment costs nothing while a third keeper is there, else that file."""
    victim = max(stores[0].glob("live/*/*/*"), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    report, lost = reader.rebuild(words, folder / "three", stores[:3])
    assert lost == 0, report
    assert _files(folder / "three") | {"/together/5": files["/together/5"]} == files
    report, lost = reader.rebuild(words, folder / "two", stores[:2])
    assert lost == 1, report
    assert f"{victim}: block" in report
    assert "'/deep/er/streamed' CANNOT BE READ" in report
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
