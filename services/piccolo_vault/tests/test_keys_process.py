"""The vault as the process it is: its wire, its memory, its log, its end."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from piccolo.vault.v1 import key_pb2 as pb
from piccolo.vault.v1 import key_pb2_grpc as wire
from piccolo.vault.v1 import membership_pb2, membership_pb2_grpc
from piccolo_chassis import command, testing
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.client_seal import Purpose, open_text, seal_text
from piccolo_formats.kek import Kek
from piccolo_formats.keypairs import SealingKey

from piccolo_vault.testing_keys import serving
from piccolo_vault.tests.circle_fakes import FakeAttestation
from piccolo_vault.tests.cloud_fake import FakeCloud
from piccolo_vault.tests.metadata_fake import FakeMetadata

pytestmark = pytest.mark.component

PASSPHRASE = "seven green kettles sing"
OTHER = "eleven purple anvils fall"
WRONG = "nineteen blue lanterns glow"


class Client:
    """What a person's client does: seals to the boot key, opens what comes back."""

    def __init__(self, channel: Any) -> None:
        self.keys: Any = wire.KeyServiceStub(channel)
        self.membership: Any = membership_pb2_grpc.MembershipServiceStub(channel)
        self.own = SealingKey(os.urandom(32))

    async def seal(self, text: str, purpose: Purpose = Purpose.PASSPHRASE) -> bytes:
        boot = await self.keys.GetBootKey(pb.GetBootKeyRequest())
        return seal_text(purpose, text, boot.public_key)

    async def setup(self, passphrase: str = PASSPHRASE) -> list[str]:
        request = pb.SetupRequest(passphrase=await self.seal(passphrase), reply_key=self.own.public)
        answer = await self.keys.Setup(request)
        words = open_text(Purpose.WORDS, answer.words, self.own).split()
        asked = " ".join(words[at - 1] for at in answer.ask)
        sealed = await self.seal(asked, Purpose.CONFIRMATION)
        await self.keys.ConfirmWords(pb.ConfirmWordsRequest(words=sealed))
        return words

    async def unlock(self, passphrase: str = PASSPHRASE) -> None:
        await self.keys.Unlock(pb.UnlockRequest(passphrase=await self.seal(passphrase)))

    async def status(self) -> pb.GetKeyStatusResponse:
        return await self.keys.GetKeyStatus(pb.GetKeyStatusRequest())  # type: ignore[no-any-return]


class Device:
    """The vault's process beside fakes of the device's other services."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metadata, self.attestation = FakeMetadata(FakeCloud()), FakeAttestation()
        self.attestation.others_register()
        self.settings = {
            "state": str(folder / "state"),
            "metadata": str(folder / "m"),
            "attestation": str(folder / "a"),
            "custody": {"passes": 2, "memory_mib": 64},
        }

    @asynccontextmanager
    async def services(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(self.metadata.register, path=self.folder / "m"))
            await stack.enter_async_context(serving(self.attestation.register, path=self.folder / "a"))
            yield

    @asynccontextmanager
    async def vault(self) -> AsyncIterator[tuple[testing.Service, Client]]:
        async with (
            testing.running("vault", self.settings, self.folder / "v") as process,
            process.connect() as channel,
        ):
            yield process, Client(channel)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


async def reason_of(call: Any) -> str:
    try:
        await call
    except PiccoloError as refused:
        return refused.reason
    return ""


async def test_a_life_from_setup_to_circle_over_the_wire(device: Device) -> None:
    async with device.services(), device.vault() as (_, client):
        assert (await client.status()).state == pb.KEY_STATE_EMPTY
        words = await client.setup()
        status = await client.status()
        assert (status.state, list(status.ask)) == (pb.KEY_STATE_UNLOCKED, [])
        assert len(status.owner_id) == 32
        sealed = await client.seal(" ".join(words), Purpose.WORDS)
        assert (await client.keys.TestWords(pb.TestWordsRequest(words=sealed))).match
        other = await client.seal(" ".join(Kek(os.urandom(32)).to_words()), Purpose.WORDS)
        assert not (await client.keys.TestWords(pb.TestWordsRequest(words=other))).match
        founded = await client.membership.FoundCircle(membership_pb2.FoundCircleRequest(device_name="box"))
        assert len(founded.circle_id) == 16
        await client.keys.Lock(pb.LockRequest())
        assert (await client.status()).state == pb.KEY_STATE_LOCKED
        again = membership_pb2.FoundCircleRequest(device_name="box")
        with pytest.raises(PiccoloError) as caught:
            await client.membership.FoundCircle(again)
        assert caught.value.kind is Kind.LOCKED
        change = pb.ChangePassphraseRequest(
            old_passphrase=await client.seal(PASSPHRASE),
            new_passphrase=await client.seal(OTHER, Purpose.NEW_PASSPHRASE),
        )
        await client.keys.ChangePassphrase(change)
        await client.unlock(OTHER)
        assert (await client.status()).state == pb.KEY_STATE_UNLOCKED


async def test_a_killed_process_remembers_wrong_passphrases_and_starts_locked(device: Device) -> None:
    async with device.services():
        async with testing.spawned("vault", device.settings, device.folder / "v") as process:
            await testing.until_ready(process)
            async with process.connect() as channel:
                client = Client(channel)
                await client.setup()
                for _ in range(2):
                    assert await reason_of(client.unlock(WRONG)) == "PASSPHRASE_WRONG"
                    assert await reason_of(client.unlock()) == "PASSPHRASE_DELAY"
                    await asyncio.sleep((await client.status()).retry_after)
            await process.kill()
        async with device.vault() as (_, client):
            status = await client.status()
            assert status.state == pb.KEY_STATE_LOCKED
            assert 0 < status.retry_after <= 2
            with pytest.raises(PiccoloError) as caught:
                await client.unlock()
            assert caught.value.kind is Kind.EXHAUSTED
            assert float(caught.value.details["retry_after"]) > 0


async def test_it_starts_and_unlocks_without_its_neighbours(device: Device) -> None:
    async with device.services(), device.vault() as (_, client):
        await client.setup()
    async with device.vault() as (process, client):
        await client.unlock()
        assert (await client.status()).state == pb.KEY_STATE_UNLOCKED
        with pytest.raises(PiccoloError) as caught:
            await client.membership.FoundCircle(
                membership_pb2.FoundCircleRequest(device_name="box"), timeout=2
            )
        assert caught.value.kind in (Kind.UNAVAILABLE, Kind.TIMEOUT)
    async with device.services():
        assert "Traceback" not in process.raw_log()


async def test_what_was_sealed_for_an_earlier_run_stays_closed(device: Device) -> None:
    async with device.services():
        async with device.vault() as (_, client):
            await client.setup()
            sealed = await client.seal(PASSPHRASE)
        async with device.vault() as (_, client):
            assert await reason_of(client.keys.Unlock(pb.UnlockRequest(passphrase=sealed))) == "SEALED_WRONG"
            assert (await client.status()).retry_after == 0
            misused = await client.seal(PASSPHRASE, Purpose.WORDS)
            assert await reason_of(client.keys.Unlock(pb.UnlockRequest(passphrase=misused))) == "SEALED_WRONG"


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31)])
async def test_words_are_not_made_for_a_key_that_cannot_be_sealed_to(device: Device, key: bytes) -> None:
    async with device.services(), device.vault() as (_, client):
        request = pb.SetupRequest(passphrase=await client.seal(PASSPHRASE), reply_key=key)
        assert await reason_of(client.keys.Setup(request)) == "REPLY_KEY"
        assert (await client.status()).state == pb.KEY_STATE_EMPTY


@pytest.mark.parametrize(
    "request_",
    [
        pb.SetupRequest(passphrase=bytes(48), reply_key=bytes(31)),
        pb.SetupRequest(passphrase=bytes(47), reply_key=bytes(32)),
        pb.SetupRequest(passphrase=bytes(2049), reply_key=bytes(32)),
        pb.SetupRequest(),
    ],
)
async def test_malformed_requests_are_refused_at_the_door(device: Device, request_: pb.SetupRequest) -> None:
    async with device.services(), device.vault() as (_, client):
        with pytest.raises(PiccoloError) as caught:
            await client.keys.Setup(request_)
        assert caught.value.kind is Kind.INVALID


async def test_grpcurl_lists_describes_and_calls_it(device: Device) -> None:
    async with device.services(), device.vault() as (process, _):
        base: list[str | Path] = [testing.grpcurl(), "-plaintext", "-unix"]
        listed = await command.run([*base, process.socket, "list"], seconds=20)
        assert {b"piccolo.vault.v1.KeyService", b"piccolo.vault.v1.MembershipService"} <= set(
            listed.stdout.split()
        )
        told = await command.run(
            [*base, process.socket, "describe", "piccolo.vault.v1.KeyService"], seconds=20
        )
        assert b"rpc Unlock" in told.stdout
        called = await command.run(
            [*base, process.socket, "piccolo.vault.v1.KeyService/GetKeyStatus"], seconds=20
        )
        assert b"KEY_STATE_EMPTY" in called.stdout


async def test_secrets_are_in_no_log_no_error_and_no_file(device: Device) -> None:
    errors: list[str] = []
    async with device.services(), device.vault() as (process, client):
        words = await client.setup()
        kek = Kek.from_words(" ".join(words)).reveal()
        spoiled = " ".join(["zebra", *words[1:]])
        misspelt = " ".join([words[0] + "x", *words[1:]])
        for call in (
            client.unlock(WRONG),
            client.unlock("x"),
            client.keys.TestWords(pb.TestWordsRequest(words=await client.seal(spoiled, Purpose.WORDS))),
            client.keys.TestWords(pb.TestWordsRequest(words=await client.seal(misspelt, Purpose.WORDS))),
            client.keys.ConfirmWords(
                pb.ConfirmWordsRequest(words=await client.seal(" ".join(words[:3]), Purpose.CONFIRMATION))
            ),
            client.setup(WRONG),
        ):
            try:
                await call
            except PiccoloError as failed:
                errors.append(f"{failed!r} {failed.message}")
        await client.membership.FoundCircle(membership_pb2.FoundCircleRequest(device_name="box"))
        await client.keys.Lock(pb.LockRequest())
        log = process.raw_log()
    assert len(errors) >= 4
    kept = b"".join(path.read_bytes() for path in (device.folder / "state").iterdir() if path.is_file())
    seen = "\n".join([log, *errors, *(str(a) for a in device.metadata.audits)])
    for secret in (PASSPHRASE, WRONG, kek.hex(), base64.b64encode(kek).decode(), str(kek), *_runs(words)):
        assert secret not in seen
        assert secret.encode() not in kept
    assert kek not in kept


def _runs(words: list[str]) -> list[str]:
    """Any two words in a row give the list away."""
    return [f"{one} {two}" for one, two in pairwise(words)]


async def test_memory_is_locked_and_not_dumped(device: Device) -> None:
    async with device.services(), device.vault() as (process, client):
        protected = next(line for line in process.log() if line.get("message", "").startswith("memory is"))
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        assert protected["undumpable"] is True
        if not protected["locked"]:
            assert "LimitMEMLOCK" in protected["problem"]
            pytest.skip("this machine's limit forbids locking memory, and the process says so")
        await client.setup()
        status = Path(f"/proc/{process.pid}/status").read_text()
        sizes = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
        assert int(sizes["VmLck"]) > 0.5 * int(sizes["VmRSS"])
        assert sizes["VmSwap"] == "0"
        if os.access(f"/proc/{process.pid}/smaps", os.R_OK):
            _check_flags(Path(f"/proc/{process.pid}/smaps").read_text())


def _check_flags(smaps: str) -> None:
    """Every writable private mapping is locked (`lo`), or dropped instead of swapped (`dp`, the C library's
    page for getrandom); see proc_pid_smaps(5).
    """
    flags = ""
    for line in reversed(smaps.splitlines()):
        if line.startswith("VmFlags:"):
            flags = line
        elif " rw-p " in line and "[vvar" not in line:
            assert {"lo", "dp"} & set(flags.split()), line


PROBE = """
import ctypes, sys
from piccolo_vault.adapters.memory import protect
protection = protect()
print(protection.locked, protection.undumpable, protection.problem)
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


async def test_without_leave_to_lock_it_says_so_and_still_forbids_dumps() -> None:
    limited = [
        "prlimit",
        "--memlock=65536:65536",
        "setpriv",
        "--bounding-set=-ipc_lock",
        "--inh-caps=-ipc_lock",
    ]
    probe = [*limited, sys.executable, "-c", PROBE] if os.geteuid() == 0 else [
        "prlimit", "--memlock=65536:65536", sys.executable, "-c", PROBE
    ]  # fmt: skip
    ended = await command.run(probe, seconds=30)
    first, dumpable = ended.stdout.decode().splitlines()
    assert first.startswith("False True memory is not locked")
    assert "LimitMEMLOCK=infinity" in first
    assert dumpable == "0"


async def test_two_vaults_do_not_share_a_state_folder(device: Device, tmp_path: Path) -> None:
    async with (
        device.services(),
        device.vault(),
        testing.spawned("vault", device.settings, tmp_path / "w") as second,
    ):
        assert await second.exited() == 1
        assert "STATE_IN_USE" in second.raw_log()


@pytest.mark.parametrize(
    ("custody", "words"),
    [({"memory_mib": 8}, "64 MiB"), ({"passes": 1}, "passes"), ({"memory_mb": 64}, "memory_mb")],
)
async def test_a_cheap_or_unknown_setting_is_refused(
    device: Device, custody: dict[str, int], words: str
) -> None:
    settings = {**device.settings, "custody": custody}
    async with testing.spawned("vault", settings, device.folder / "v") as process:
        assert await process.exited() == 78
        assert words in process.raw_log()


async def test_a_damaged_state_stops_the_start_in_words(device: Device) -> None:
    async with device.services(), device.vault() as (_, client):
        await client.setup()
    (device.folder / "state" / "kek.sealed").write_bytes(b"torn")
    async with device.services(), testing.spawned("vault", device.settings, device.folder / "v") as process:
        assert await process.exited() == 78
        (told,) = (line for line in process.log() if line.get("reason") == "STATE_DAMAGED")
        assert "Put it back from a copy, or " in told["message"]
        assert "24 words" in told["message"]
