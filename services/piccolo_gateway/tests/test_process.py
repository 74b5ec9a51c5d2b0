"""The gateway as a process, before fake services: curl, memory, its start, its end, its API under fire."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from piccolo_chassis import command
from piccolo_chassis.testing import Service, running, spawned, until_ready

from integration.client import ApiError, Client
from piccolo_gateway.tests.conftest import PASSPHRASE
from piccolo_gateway.tests.fakes import FakeDevice, device

pytestmark = pytest.mark.component
GIB: Final = 1 << 30
ALLOWED: Final = 40 << 20  # a body's pieces, and what both of its transports buffer
IDLE: Final = 45 << 20
BOX: Final = {"device_name": "box"}
TOKEN: Final = {"name": "robot", "scopes": ["read"]}


@dataclass(slots=True)
class Running:
    """A gateway's process, the fakes behind it, and an owner's client with a token for curl."""

    service: Service
    fakes: FakeDevice
    client: Client
    token: str = ""

    @property
    def state(self) -> Path:
        """The gateway's folder."""
        return self.client.certificate.parent

    async def curl(self, *arguments: str, seconds: float = 120.0, **options: Any) -> command.Completed:
        """Runs the real curl with the token and the device's certificate."""
        common = ["curl", "--silent", "--show-error", "--cacert", str(self.client.certificate)]
        auth = ["--header", f"Authorization: Bearer {self.token}"]
        return await command.run([*common, *auth, *arguments], seconds=seconds, check=False, **options)

    def descriptors(self) -> int:
        """How many files and sockets the process has open."""
        return len(list(Path(f"/proc/{self.service.pid}/fd").iterdir()))

    def url(self, path: str) -> str:
        """An address of the API."""
        return f"{self.client.url}/api/v1{path}"

    def peak(self) -> int:
        """The most memory that the process has had since `reset_peak`, in bytes."""
        status = Path(f"/proc/{self.service.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def own_memory(self) -> int:
        """Its memory that is shared with nobody's file, in bytes."""
        lines = Path(f"/proc/{self.service.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))

    def reset_peak(self) -> int:
        """Forgets the peak; returns the present size."""
        Path(f"/proc/{self.service.pid}/clear_refs").write_text("5")
        return self.peak()


def settings(folder: Path, fakes: FakeDevice) -> dict[str, Any]:
    sockets = fakes.sockets
    return {
        "state": str(folder / "g"),
        "address": "127.0.0.1:0",
        "sockets": {
            "vault": str(sockets.vault),
            "metadata": str(sockets.metadata),
            "attestation": str(sockets.attestation),
            "fragment_store": str(sockets.fragment_store),
        },
    }


@asynccontextmanager
async def started(folder: Path, **more: Any) -> AsyncIterator[Running]:
    async with (
        device(folder) as fakes,
        running("gateway", settings(folder, fakes) | more, folder / "p", alone=True) as service,
    ):
        port = (folder / "g" / "port").read_text().strip()
        async with Client(
            f"https://127.0.0.1:{port}", folder / "g" / "tls.pem", passphrase=PASSPHRASE
        ) as client:
            yield Running(service, fakes, client)


@pytest.fixture
async def gateway(short: Path) -> AsyncIterator[Running]:
    """A gateway whose owner is logged in."""
    async with started(short) as made:
        made.fakes.keys.set_up(PASSPHRASE)
        await made.client.log_in()
        made.token = await made.client.make_token("curl", "admin")
        yield made


async def test_curl_stores_lists_reads_and_deletes(gateway: Running, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"hello from curl\n" * 100_000)
    put = await gateway.curl("--upload-file", str(source), gateway.url("/files/caf%C3%A9/a.txt"))
    assert json.loads(put.stdout)["size"] == 1_600_000
    listed = await gateway.curl(gateway.url("/directories/caf%C3%A9"))
    assert [entry["path"] for entry in json.loads(listed.stdout)["entries"]] == ["/café/a.txt"]
    target = tmp_path / "target"
    await gateway.curl("--output", str(target), gateway.url("/files/caf%C3%A9/a.txt"))
    assert target.read_bytes() == source.read_bytes()
    some = await gateway.curl("--range", "6-9", gateway.url("/files/caf%C3%A9/a.txt"))
    assert some.stdout == b"from"
    gone = await gateway.curl("--request", "DELETE", gateway.url("/files/caf%C3%A9?recursive=true"))
    assert json.loads(gone.stdout)["files"] == 1


async def test_curl_resumes_a_download(gateway: Running, tmp_path: Path) -> None:
    tree = gateway.fakes.tree
    tree.put("/big", tree.content(bytes(range(256)) * 4096, 8 << 20))
    half = tmp_path / "half"
    half.write_bytes((bytes(range(256)) * 4096 * 8)[: 3 << 20])
    done = await gateway.curl("--continue-at", "-", "--output", str(half), gateway.url("/files/big"))
    assert done.status == 0
    assert half.read_bytes() == bytes(range(256)) * 4096 * 8


async def test_an_idle_gateway_is_small(gateway: Running) -> None:
    await gateway.curl(gateway.url("/status"))
    assert gateway.own_memory() < IDLE


async def test_memory_stays_bounded_while_a_gibibyte_comes_in(gateway: Running) -> None:
    await gateway.curl("--upload-file", "/etc/hostname", gateway.url("/files/warm"))
    before = gateway.reset_peak()
    zeros = f"head --bytes {GIB} /dev/zero | curl --silent --cacert {gateway.client.certificate}"
    done = await command.run(
        [
            "sh",
            "-c",
            f"{zeros} --header 'Authorization: Bearer {gateway.token}' -T - {gateway.url('/files/big')}",
        ],
        seconds=300.0,
    )
    assert json.loads(done.stdout)["size"] == GIB
    assert gateway.peak() - before < ALLOWED


async def test_memory_stays_bounded_while_a_gibibyte_goes_out(gateway: Running) -> None:
    tree = gateway.fakes.tree
    tree.put("/big", tree.content(bytes(1 << 20), GIB))
    await gateway.curl("--range", "0-9", "--output", "/dev/null", gateway.url("/files/big"))
    before = gateway.reset_peak()
    form = "%{size_download}"
    done = await gateway.curl(
        "--output", "/dev/null", "--write-out", form, gateway.url("/files/big"), seconds=300.0
    )
    assert int(done.stdout) == GIB
    assert gateway.peak() - before < ALLOWED


async def test_memory_stays_bounded_when_a_client_reads_slowly(gateway: Running) -> None:
    tree = gateway.fakes.tree
    tree.put("/big", tree.content(bytes(1 << 20), GIB))
    before = gateway.reset_peak()
    await gateway.curl(
        "--limit-rate", "2M", "--max-time", "3", "--output", "/dev/null", gateway.url("/files/big")
    )
    assert gateway.peak() - before < ALLOWED


async def test_memory_stays_bounded_when_the_circle_is_slow(gateway: Running) -> None:
    gateway.fakes.store.flow.clear()
    before = gateway.reset_peak()
    zeros = f"head --bytes {GIB} /dev/zero | curl --silent --max-time 3 --cacert {gateway.client.certificate}"
    await command.run(
        [
            "sh",
            "-c",
            f"{zeros} --header 'Authorization: Bearer {gateway.token}' -T - {gateway.url('/files/big')}",
        ],
        seconds=60.0,
        check=False,
    )
    assert gateway.peak() - before < ALLOWED
    gateway.fakes.store.flow.set()


async def test_sigterm_in_the_middle_of_an_upload(short: Path) -> None:
    async with started(short) as gateway:
        gateway.fakes.keys.set_up(PASSPHRASE)
        await gateway.client.log_in()
        store = gateway.fakes.store

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield bytes(1 << 20)
            await asyncio.Event().wait()

        async def put() -> tuple[int, Any]:
            async with gateway.client.http.put("/api/v1/files/a", data=endless()) as response:
                return response.status, await response.json(content_type=None)

        storing = asyncio.ensure_future(put())
        await store.seen(lambda: store.taken == 3 << 20)
        ending = asyncio.ensure_future(gateway.service.stop())
        status, problem = await storing
        assert (status, problem["reason"]) == (503, "STOPPING")
        assert int(problem["details"]["durable_bytes"]) in {2 << 20, 3 << 20}
        assert await ending == 0


async def test_sigterm_lets_a_download_end_well(short: Path, tmp_path: Path) -> None:
    async with started(short, serve={"stop_grace": 60.0}) as gateway:
        gateway.fakes.keys.set_up(PASSPHRASE)
        await gateway.client.log_in()
        tree = gateway.fakes.tree
        tree.put("/big", tree.content(bytes(1 << 20), 64 << 20))
        async with gateway.client.http.get("/api/v1/files/big") as response:
            await response.content.readexactly(1 << 20)
            ending = asyncio.ensure_future(gateway.service.stop())
            rest = 0
            async for piece in response.content.iter_chunked(1 << 20):
                rest += len(piece)
                await asyncio.sleep(0.01)  # the last of it is sent when nobody in the gateway waits for that
        assert rest == 63 << 20
        assert await ending == 0


async def test_tokens_outlive_the_process_and_sessions_do_not(short: Path) -> None:
    async with device(short) as fakes:
        fakes.keys.set_up(PASSPHRASE)
        config = settings(short, fakes)
        pem = short / "g" / "tls.pem"
        async with running("gateway", config, short / "p"):
            first = (short / "g" / "port").read_text().strip()
            async with Client(f"https://127.0.0.1:{first}", pem, passphrase=PASSPHRASE) as owner:
                await owner.log_in()
                token = await owner.make_token("robot", "read", "write")
                shown = pem.read_bytes()
                jar = owner.http.cookie_jar.filter_cookies(owner.http._base_url)  # type: ignore[arg-type]
        async with running("gateway", {**config, "address": f"127.0.0.1:{first}"}, short / "p"):
            assert pem.read_bytes() == shown
            async with Client(f"https://127.0.0.1:{first}", pem, token=token) as robot:
                await robot.put("/a", b"x")
                assert await robot.get("/a") == b"x"
            async with Client(f"https://127.0.0.1:{first}", pem) as owner:
                owner.http.cookie_jar.update_cookies(jar)
                with pytest.raises(ApiError) as refused:
                    await owner.get("/a")
                assert refused.value.status == 401


async def test_a_request_that_is_repeated_after_a_power_cut_is_not_done_twice(short: Path) -> None:
    answers: list[tuple[int, Any, bool]] = []
    async with device(short) as fakes:
        fakes.keys.set_up(PASSPHRASE)
        for _ in range(2):
            async with spawned("gateway", settings(short, fakes), short / "p") as service:
                await until_ready(service)
                url = f"https://127.0.0.1:{(short / 'g' / 'port').read_text().strip()}"
                async with Client(url, short / "g" / "tls.pem", passphrase=PASSPHRASE) as owner:
                    await owner.log_in()
                    answers += [await keyed(owner, "/circle", BOX), await keyed(owner, "/tokens", TOKEN)]
                await service.kill()
        founded, token, again, lost = answers
        assert (founded[0], token[0], lost[0]) == (201, 201, 409)
        assert again == (201, founded[1], True)
        assert lost[1]["reason"] == "IDEMPOTENCY_KEY_LOST"
        kept = [path.read_bytes() for path in (short / "g" / "keyed").iterdir()]
        assert len(kept) == 2
        assert not any(b"secret" in one for one in kept)
        assert len([key for key in fakes.state.values if key[1].startswith("token/")]) == 1


async def keyed(owner: Client, path: str, body: dict[str, Any]) -> tuple[int, Any, bool]:
    headers = {"Idempotency-Key": path}
    async with owner.http.post(f"/api/v1{path}", json=body, headers=headers) as response:
        again = "Idempotency-Replayed" in response.headers
        return response.status, await response.json(content_type=None), again


async def test_what_it_keeps_is_nobody_elses_and_no_secret_is_in_its_log(gateway: Running) -> None:
    for name in ("tls.key", "ca.key", "instance", "format"):
        assert stat.S_IMODE((gateway.state / name).stat().st_mode) == 0o600
    log = gateway.service.raw_log()
    assert gateway.token.removeprefix("piccolo_") not in log
    assert PASSPHRASE not in log
    (cookie,) = gateway.client.http.cookie_jar
    assert cookie.value not in log


async def test_a_port_in_use_ends_it_with_one_line(gateway: Running, tmp_path: Path) -> None:
    taken = {"state": str(tmp_path / "g"), "address": gateway.client.url.removeprefix("https://")}
    async with spawned("gateway", taken, tmp_path / "p") as service:
        assert await service.exited() == 1
        (line,) = [line for line in service.log() if line.get("level") == "critical"]
        assert line["reason"] == "ADDRESS_IN_USE"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"address": "nowhere"}, "CONFIG_WRONG"),
        ({"unknown": 1}, "CONFIG_WRONG"),
        ({"addresses": ["not an address"]}, "CONFIG_WRONG"),
        ({"tls": {"key": "/nothing", "certificate": "/nothing"}}, "CERTIFICATE_UNREADABLE"),
    ],
)
async def test_what_cannot_start_says_why(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    config = {"state": str(tmp_path / "g"), "address": "127.0.0.1:0", **change}
    async with spawned("gateway", config, tmp_path / "p") as service:
        assert await service.exited() == 78
        (line,) = [line for line in service.log() if line.get("level") == "critical"]
        assert line["reason"] == reason


@pytest.mark.parametrize(
    ("format_", "reason", "words"),
    [
        ("piccolo-gateway 99\n", "STATE_NEWER", "version"),
        ("piccolo-vault 1\n", "STATE_FOREIGN", "vault"),
        ("\x00\xff\n", "STATE_FOREIGN", "gateway"),
    ],
)
async def test_a_state_folder_that_is_not_ours_is_left_alone(
    tmp_path: Path, format_: str, reason: str, words: str
) -> None:
    folder = tmp_path / "g"
    folder.mkdir()
    (folder / "format").write_text(format_)
    async with spawned(
        "gateway", {"state": str(folder), "address": "127.0.0.1:0"}, tmp_path / "p"
    ) as service:
        assert await service.exited() == 78
        (line,) = [line for line in service.log() if line.get("level") == "critical"]
        assert line["reason"] == reason
        assert words in line["message"] + str(line)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "format"]
    assert (folder / "format").read_text() == format_
