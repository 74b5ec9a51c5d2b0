"""The owner's words open the data when the TPM does not; and then the TPM that is there does."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from piccolo_formats.client_seal import Purpose
from piccolo_formats.kek import Kek

from integration.client import ApiError, Client
from integration.machines.circle import PASSPHRASE, UNITS
from integration.machines.facts import is_sealed
from integration.machines.images import Image
from integration.machines.qemu import Qemu, device
from integration.tests.qemu.test_refusals import KEPT, is_degraded

pytestmark = pytest.mark.qemu
BOOT = "/proc/sys/kernel/random/boot_id"
SLOTS = "cryptsetup luksDump /dev/disk/by-partlabel/piccolo-data | grep -c ': luks2$'"
ACTIVE = ("systemctl", "is-active", *UNITS, "piccolo.target")
LOOK = 1.0
SECONDS = 300.0


async def has_slots(made: Qemu, count: int) -> None:
    """Returns when so many slots are in the header of its data partition."""
    async with asyncio.timeout(SECONDS):
        while await made.inside("sh", "-c", SLOTS, check=False) != str(count):  # noqa: ASYNC110 - another machine
            await asyncio.sleep(LOOK)


async def is_told(made: Qemu) -> dict[str, object]:
    """What it says of its data, under whichever certificate; waits for its face where that starts anew."""
    async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"{made.url}/.well-known/piccolo", ssl=False) as answer:
                    if answer.status == 200:
                        return dict((await answer.json())["boot"])
            except aiohttp.ClientError:
                assert made.power.is_on
            await asyncio.sleep(LOOK)


async def is_opened_by(made: Qemu, words: str, reason: str) -> None:
    """Others' words change nothing; its owner's bring all of it back, without a start."""
    boot = await made.inside("cat", BOOT)
    told = await is_told(made)
    assert (told["state"], told["reason"], told["data"]) == ("degraded", reason, True)
    async with Client(made.url, made.certificate) as client:
        wrong = " ".join(Kek(bytes(32)).to_words())
        with pytest.raises(ApiError) as refused:
            await client.ask("POST", "/data/open", {"words": await client.sealed(Purpose.WORDS, wrong)})
        assert refused.value.reason == "DISK_WORDS_WRONG"
        assert (await is_told(made))["state"] == "degraded"
        await client.ask("POST", "/data/open", {"words": await client.sealed(Purpose.WORDS, words)})
    async with asyncio.timeout(SECONDS):
        while (await is_told(made))["state"] != "opened":  # noqa: ASYNC110 - another machine
            await asyncio.sleep(LOOK)
    await made.faced()
    assert await made.inside("cat", BOOT) == boot
    assert await made.inside("stat", "-f", "-c", "%T", "/var") == "ext2/ext3"
    assert await made.inside("cat", KEPT) == "kept"
    async with asyncio.timeout(SECONDS):
        while set((await made.inside(*ACTIVE, check=False)).split()) != {"active"}:  # noqa: ASYNC110 - another machine
            await asyncio.sleep(LOOK)
    assert await made.inside("systemctl", "--failed", "--plain", "--no-legend") == ""
    async with Client(made.url, made.certificate, passphrase=PASSPHRASE) as client:
        assert (await client.status())["keys"] == "locked"
        await client.log_in()


async def test_words_open_the_data_and_the_tpm_that_is_there_does_the_next_time(development: Image) -> None:
    """Another TPM, and none."""
    async with device(development, "words") as made:
        await made.start()
        assert await made.booted() == "running"
        await has_slots(made, 1)
        async with Client(made.url, made.certificate, passphrase=PASSPHRASE) as owner:
            await owner.set_up()
            words = owner.words
        await has_slots(made, 2)
        await made.inside("sh", "-c", f"echo kept >{KEPT}")
        await made.stop()

        (made.folder / "tpm").rename(made.folder / "own")
        made.forget()
        await made.start()
        await is_degraded(made, "tpm-refused")
        await is_opened_by(made, words, "TPM_REFUSED")
        await has_slots(made, 2)
        await made.stop()

        made.forget()
        await made.start()
        await is_sealed(made)
        assert await made.inside("cat", KEPT) == "kept"
        await made.stop()

        made.alter(tpm=False)
        made.forget()
        await made.start()
        await is_degraded(made, "no-tpm")
        await is_opened_by(made, words, "NO_TPM")
