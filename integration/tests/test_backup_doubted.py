"""The cloud goes back, shows another history, or is gone for good: the circle knows, and is enough."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from piccolo_formats import cbor
from piccolo_formats.records.backup import Head
from piccolo_formats.signed import open_signed

from integration.bench.waiting import until
from integration.circle import Circle, circle
from integration.client import Client, OperationFailedError
from integration.device import Box

pytestmark = [pytest.mark.circle, pytest.mark.usefixtures("no_leaked_processes")]

FILES = {
    "/one": b"in a pack",
    "/notes/two": b"of two",
    "/empty": b"",
    "/large": os.urandom(3_000_000),
    "/larger": os.urandom(5_500_000),
}
NEWER = {"/one": b"as it is", "/new/small": b"n", "/new/large": os.urandom(1_500_000)}


async def put(api: Client, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        await api.put(path, data)


async def check(api: Client, files: dict[str, bytes]) -> None:
    """Every file comes out byte for byte, under its name."""
    for path, data in files.items():
        assert await api.get(path) == data, path


async def log_end(api: Client) -> int:
    """The newest entry that the cloud has acknowledged."""
    await api.backed_up()
    async with api.http.get("/api/v1/backup") as answer:
        return int((await answer.json())["seq"])


async def left(made: Circle, seq: int) -> None:
    """Returns when every other member keeps the head of that entry, or of a later one."""
    folders = [owner.device.state("fragment-store") / "heads" for owner in made.owners[1:]]

    async def look() -> bool | None:
        kept = [max((_newest(file) for file in folder.glob("?" * 64)), default=0) for folder in folders]
        return min(kept) >= seq or None

    await until(look, 60, f"head {seq} with every member")


def _newest(file: Path) -> int:
    seqs = [0]
    kept = cbor.decode(file.read_bytes())
    for pair in kept if isinstance(kept, list) else ():
        match pair:
            case [bytes() as head, _]:
                seqs.append(open_signed(Head, head).record.seq)
    return max(seqs)


async def copied(box: Box, target: Path) -> None:
    """What a box keeps, as it is now; the box is off meanwhile, and stays off."""
    await box.kill()
    await asyncio.to_thread(shutil.copytree, box.folder / "state", target)


async def put_back(box: Box, source: Path) -> None:
    """The box keeps again what it kept then."""
    await box.kill()
    await asyncio.to_thread(shutil.rmtree, box.folder / "state")
    await asyncio.to_thread(shutil.copytree, source, box.folder / "state")


async def burned_and_blank(made: Circle) -> Client:
    """The first owner's device burns; a blank one stands in its place."""
    owner = made.owners[0]
    await owner.burn()
    await owner.start()
    return owner.api


async def test_an_older_log_is_told_and_the_members_fill_the_gap(tmp_path: Path) -> None:
    async with circle(tmp_path, 4) as made:
        api = made.owners[0].api
        await put(api, FILES)
        await api.backed_up()
        await copied(made.cloud, tmp_path / "then")
        await made.cloud.start()
        await put(api, NEWER)
        await left(made, await log_end(api))
        await put_back(made.cloud, tmp_path / "then")
        await made.cloud.start()
        api = await burned_and_blank(made)
        with pytest.raises(OperationFailedError, match="Members keep the mark of later ones: device-1"):
            await api.recover()
        assert (await api.status())["keys"] == "empty"
        result = await api.recover(accept_rolled_back=True)
        assert result["backup"] == "rolled_back"
        await check(api, FILES | NEWER)
        await api.backed_up()


async def test_a_log_that_parted_from_what_members_keep_stops_the_recovery(tmp_path: Path) -> None:
    """An old image of the device's disk writes another history to a cloud that went back."""
    async with circle(tmp_path, 4) as made:
        owner = made.owners[0]
        await put(owner.api, FILES)
        await owner.api.backed_up()
        await copied(made.cloud, tmp_path / "cloud-then")
        await made.cloud.start()
        await owner.api.close()
        await copied(owner.device, tmp_path / "device-then")
        await owner.start()
        await owner.api.log_in()
        await owner.api.put("/history", b"true")
        end = await log_end(owner.api)
        await left(made, end)
        await owner.api.close()
        await put_back(owner.device, tmp_path / "device-then")
        await put_back(made.cloud, tmp_path / "cloud-then")
        await made.cloud.start()
        await owner.start()
        await owner.api.log_in()
        while await log_end(owner.api) < end:
            await owner.api.put("/history", os.urandom(20))
        api = await burned_and_blank(made)
        with pytest.raises(OperationFailedError, match="another backup than the one that your device wrote"):
            await api.recover(accept_rolled_back=True)
        assert (await api.status())["keys"] == "empty"


@pytest.mark.parametrize(
    ("down", "wiped"),
    [
        pytest.param(0, False, id="the old log comes back"),
        pytest.param(1, True, id="the log is gone for good, and a member is down"),
    ],
)
async def test_words_and_contacts_bring_everything_back_without_the_cloud(
    tmp_path: Path, down: int, wiped: bool
) -> None:
    async with circle(tmp_path, 4) as made:
        api = made.owners[0].api
        await put(api, FILES)
        await api.backed_up()
        printed = await api.contacts()
        await made.cloud.kill()
        if wiped:
            shutil.rmtree(made.cloud.state("cloud") / "objects")
        await put(api, NEWER)
        for owner in made.owners[4 - down :]:
            await owner.device.kill()
        api = await burned_and_blank(made)
        result = await api.recover(contacts=printed)
        assert result["backup"] == "circle"
        assert result["brought"] >= len(FILES | NEWER)
        assert (result["members"], result["heard"], result["left"]) == (3, 3 - down, 0)
        await check(api, FILES | NEWER)
        after = {"/after": b"the device writes again", "/one": b"and again"}
        await put(api, after)
        await made.cloud.start()
        await api.backed_up(120)
        async with api.http.get("/api/v1/backup") as answer:
            told = (await answer.json())["problem"]
        assert ("are not in this device's memory" in told) == (not wiped)
        api = await burned_and_blank(made)
        result = await api.recover()
        assert (result["backup"] == "circle", result["generation"]) == (False, 3)
        await check(api, FILES | NEWER | after)


async def test_new_words_and_contacts_bring_everything_back_without_the_cloud(tmp_path: Path) -> None:
    """Members tell how the words followed; the contacts were printed before them."""
    async with circle(tmp_path, 4) as made:
        api = made.owners[0].api
        await put(api, FILES)
        await api.backed_up()
        printed = await api.contacts()
        await api.finished(await api.new_words(), 120)
        await made.cloud.kill()
        shutil.rmtree(made.cloud.state("cloud") / "objects")
        await put(api, NEWER)
        api = await burned_and_blank(made)
        result = await api.recover(contacts=printed)
        assert (result["backup"], result["left"]) == ("circle", 0)
        await check(api, FILES | NEWER)
        after = {"/after": b"the device writes again, for the new words"}
        await put(api, after)
        await made.cloud.start()
        await api.backed_up(120)
        api = await burned_and_blank(made)
        assert (await api.recover())["backup"] != "circle"
        await check(api, FILES | NEWER | after)
