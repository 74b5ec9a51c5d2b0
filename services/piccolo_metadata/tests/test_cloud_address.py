"""The cloud is dialled at host and port, and what is no such address is refused at the start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from grpc import ChannelConnectivity
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import no_leaked_processes, running

from piccolo_metadata.adapters.cloud_channel import CloudChannel
from piccolo_metadata.adapters.cloud_log import GrpcCloudLog
from piccolo_metadata.engine.backup_ports import Kept
from piccolo_metadata.tests.test_backup_fakes import Author, Owner, cloud_address, cloud_settings

__all__ = ["no_leaked_processes"]


@pytest.mark.component
@pytest.mark.usefixtures("no_leaked_processes")
async def test_a_cloud_at_an_ipv6_address_and_by_name(tmp_path: Path) -> None:
    settings = cloud_settings(tmp_path) | {"listen": "[::]:0"}
    async with running("cloud", settings, tmp_path):
        address, fingerprint = cloud_address(tmp_path)
        port = address.rpartition(":")[2]
        for host in ("[::1]", "localhost", "127.0.0.1"):
            channel, author = CloudChannel(f"{host}:{port}", None, fingerprint), Author(Owner())
            assert await GrpcCloudLog(channel, author.key).head(author.access) == Kept(0, 0, 0)
            await channel.close()


@pytest.mark.parametrize(
    ("kind", "reason", "told"),
    [
        (Kind.UNAVAILABLE, "UNAVAILABLE", "CLOUD_AWAY"),
        (Kind.TIMEOUT, "DEADLINE_EXCEEDED", "CLOUD_AWAY"),
        (Kind.CANCELLED, "CANCELLED", "CLOUD_AWAY"),
        (Kind.UNAVAILABLE, "STOPPING", "CLOUD_AWAY"),
        (Kind.FULL, "LOG_FULL", "LOG_FULL"),
    ],
)
async def test_a_cloud_that_ends_is_not_told_as_this_device(kind: Kind, reason: str, told: str) -> None:
    class Ending(CloudChannel):
        async def get(self) -> Channel:
            raise PiccoloError(kind, reason, "The service is stopping.")

    author = Author(Owner())
    cloud = GrpcCloudLog(Ending("cloud.example:443", None, ""), author.key)
    with pytest.raises(PiccoloError) as refused:
        await cloud.head(author.access)
    assert refused.value.reason == told


async def test_a_name_that_is_also_a_kind_of_address_reaches_nothing_on_this_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = asyncio.Event()

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        writer.close()

    monkeypatch.chdir(tmp_path)
    async with asyncio.timeout(60), await asyncio.start_unix_server(note, "1"):
        cloud = CloudChannel("unix:1", None, "")
        channel = await cloud.get()
        state = channel.get_state(try_to_connect=True)
        while state is not ChannelConnectivity.TRANSIENT_FAILURE:
            await channel.wait_for_state_change(state)
            state = channel.get_state(try_to_connect=True)
        await cloud.close()
    assert not called.is_set()


@pytest.mark.parametrize(
    "address",
    [
        "cloud",
        "cloud:",
        ":443",
        "cloud:0",
        "cloud:65536",
        "cloud:4x3",
        "::1:443",
        "[::1]",
        "unix:/run/x",
        "dns:///a:1",
    ],
)
def test_what_is_no_address_is_refused_in_words(address: str) -> None:
    with pytest.raises(PiccoloError, match="host:port") as told:
        CloudChannel(address, None, "")
    assert (told.value.kind, told.value.reason) == (Kind.INVALID, "CLOUD_SETTINGS")
