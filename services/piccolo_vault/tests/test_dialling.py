"""Members are dialled at host and port, whatever else their addresses look like."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.generations import Claim, Promise
from piccolo_formats.signed import open_signed, sign
from piccolo_formats.tls import make_certificate, to_pem

from piccolo_vault.adapters.keeper import GrpcKeepers
from piccolo_vault.adapters.promises import DialledPromisers
from piccolo_vault.core.circle import Member, Standing
from piccolo_vault.ports.promises import Answer, DialIdentity
from piccolo_vault.tests.circle_fakes import FakeOwner
from piccolo_vault.tests.keeper_fake import FakeKeeper
from piccolo_vault.tests.real import CIRCLE, DialledKeyring

HOSTS = ["127.0.0.1", "[::1]", "localhost"]


@dataclass(eq=False)
class Roomy(FakeKeeper):
    """A keeper that tells its space."""

    async def Notice(self, request: wire.NoticeRequest, context: Any) -> wire.NoticeResponse:
        return wire.NoticeResponse(free_bytes=7)


@dataclass(eq=False)
class Loading(FakeKeeper):
    """A keeper that loads what it is told to."""

    answer: wire.LoadResponse = field(default_factory=wire.LoadResponse)

    async def Load(self, request: wire.LoadRequest, context: Any) -> wire.LoadResponse:
        return self.answer


@contextlib.asynccontextmanager
async def keepers(keyring: DialledKeyring) -> AsyncIterator[GrpcKeepers]:
    """Members, dialled with this identity."""
    ending: list[asyncio.Future[None]] = []
    made = GrpcKeepers(keyring, lambda work: ending.append(asyncio.ensure_future(work)))
    try:
        async with asyncio.timeout(60):
            yield made
    finally:
        await made.close()
        await asyncio.gather(*ending)


def member(who: FakeOwner, *endpoints: str) -> Member:
    """A member as the circle knows it."""
    device = who.device.record
    return Member(
        owner_id=device.owner,
        name=who.name,
        standing=Standing.ACTIVE,
        endpoints=endpoints,
        server_certificate=device.tls.fragment_store,
        receipt_key=device.signing.fragment_store,
        generation=1,
        offer_bytes=1,
    )


async def ask_promise(who: FakeOwner, to: Member) -> Answer:
    """Asks a member to promise to this owner's generation."""
    enrolment = who.kek.enrolment()
    key = enrolment.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    record = Claim(
        circle=CIRCLE,
        owner=who.owner.owner,
        generation=1,
        device=who.device.record_hash(),
        time=1_700_000_000,
    )
    claim = sign(record, who.kek.owner_root()).to_bytes()
    identity = DialIdentity(certificate=to_pem(make_certificate(enrolment)), key=key)
    return await DialledPromisers().claim(to, identity, claim, who.device.to_bytes())


@pytest.mark.parametrize("host", HOSTS)
async def test_a_keeper_is_reached_by_name_and_by_both_kinds_of_address(host: str) -> None:
    keyring, who = DialledKeyring(), FakeOwner("Ben", CIRCLE)
    there = Roomy(who, host="[::1]" if host == "[::1]" else "127.0.0.1")
    there.admitted[keyring.certificate] = (b"", b"")
    async with there.listening(), keepers(keyring) as dialled:
        assert (await dialled.keeper(member(who, f"{host}:{there.port}")).room()).free_bytes == 7


async def test_a_member_that_is_back_is_reached_by_the_first_call() -> None:
    """However often it was tried in vain before: gRPC would wait seconds before it tries again."""
    keyring, who = DialledKeyring(), FakeOwner("Ben", CIRCLE)
    there = Roomy(who)
    there.admitted[keyring.certificate] = (b"", b"")
    async with keepers(keyring) as dialled:
        for _ in range(4):
            async with there.listening():
                known = member(who, f"127.0.0.1:{there.port}")
                assert (await dialled.keeper(known).room()).free_bytes == 7
            for _ in range(4):
                with pytest.raises(PiccoloError) as away:
                    await dialled.keeper(known).room()
                assert away.value.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (wire.LoadResponse(head=wire.GetHead(block_size=4), blocks=bytes(5)), "more than it was asked for"),
        (wire.LoadResponse(blocks=bytes(4)), "without their proof"),
    ],
)
async def test_what_is_loaded_must_be_no_more_than_was_asked_for_and_have_its_proof(
    answer: wire.LoadResponse, why: str
) -> None:
    keyring, who = DialledKeyring(), FakeOwner("Ben", CIRCLE)
    there = Loading(who, answer=answer)
    there.admitted[keyring.certificate] = (b"", b"")
    async with keepers(keyring) as dialled, there.listening():
        keeper = dialled.keeper(member(who, f"127.0.0.1:{there.port}"))
        with pytest.raises(PiccoloError, match=why) as wrong:
            await keeper.get(bytes(16), 0, 1, 4)
    assert wrong.value.reason == "KEEPER_WRONG"


@pytest.mark.parametrize("host", HOSTS)
async def test_a_promise_is_asked_for_by_name_and_at_both_kinds_of_address(host: str) -> None:
    ana, ben = FakeOwner("Ana", CIRCLE), FakeOwner("Ben", CIRCLE)
    there = FakeKeeper(ben, host="[::1]" if host == "[::1]" else "127.0.0.1")
    there.admit(ana.device.record)
    async with there.listening():
        answer = await ask_promise(ana, member(ben, f"{host}:{there.port}"))
        assert open_signed(Promise, answer.promise).record.owner == ana.owner.owner


@pytest.mark.parametrize(
    "address", ["unix:1", "unix:{}/1", "unix-abstract:1", "ipv4:127.0.0.1:1", "%zz:1", "a b:1", "a?b#c:1"]
)
async def test_an_address_of_another_kind_reaches_nothing_on_this_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    called = asyncio.Event()

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        writer.close()

    monkeypatch.chdir(tmp_path)
    keyring, ana, ben = DialledKeyring(), FakeOwner("Ana", CIRCLE), FakeOwner("Ben", CIRCLE)
    there = member(ben, address.format(tmp_path))
    async with await asyncio.start_unix_server(note, "1"), keepers(keyring) as dialled:
        with pytest.raises(PiccoloError) as refused:
            await dialled.keeper(there).room()
        assert refused.value.kind is Kind.UNAVAILABLE
        with pytest.raises(PiccoloError) as refused:
            await ask_promise(ana, there)
        assert refused.value.kind is Kind.UNAVAILABLE
    assert not called.is_set()
