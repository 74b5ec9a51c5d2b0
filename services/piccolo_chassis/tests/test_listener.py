"""A listener with TLS serves its own services only, to those it lets in, with the same rules around calls."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from piccolo.chassis.v1 import metrics_pb2, metrics_pb2_grpc

from piccolo_chassis import rpc
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.host import Host, Listener
from piccolo_chassis.interceptors import Limits
from piccolo_chassis.tests.protos import toy_pb2_grpc
from piccolo_chassis.tests.protos.toy_pb2 import EchoRequest
from piccolo_chassis.tests.toy.__main__ import NAME, Toy

Stub = toy_pb2_grpc.ToyServiceStub


@dataclass(frozen=True, slots=True)
class Identity:
    key: bytes
    certificate: bytes


def identity(name: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(pem, made.public_bytes(Encoding.PEM))


SERVER, MEMBER, STRANGER = identity("server"), identity("member"), identity("stranger")


def server_credentials() -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(SERVER.key, SERVER.certificate)], MEMBER.certificate, require_client_auth=True
    )


def new_host() -> Host:
    return Host("toy", None, Limits(10, 10))


@asynccontextmanager
async def listening(**options: Any) -> AsyncIterator[Listener]:
    host = new_host()
    listener = host.add_listener("127.0.0.1:0", server_credentials(), **options)
    toy = Toy(host, None)
    listener.add_service(lambda server: toy_pb2_grpc.add_ToyServiceServicer_to_server(toy, server), NAME)
    await host.start()
    try:
        yield listener
    finally:
        await host.stop(1)


def health(channel: Any) -> Any:
    return health_pb2_grpc.HealthStub(channel)


def dial(listener: Listener, who: Identity) -> Any:
    credentials = grpc.ssl_channel_credentials(SERVER.certificate, who.key, who.certificate)
    named = [("grpc.ssl_target_name_override", "server")]
    return rpc.connect(f"127.0.0.1:{listener.port}", credentials=credentials, unary_seconds=5, options=named)


async def test_a_member_gets_in_and_finds_health_but_no_metrics() -> None:
    async with listening() as listener, dial(listener, MEMBER) as channel:
        assert (await Stub(channel).Echo(EchoRequest(text="hi"))).text == "hi"
        healthy = await health(channel).Check(health_pb2.HealthCheckRequest(service=NAME))
        assert healthy.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(PiccoloError) as failed:
            await metrics_pb2_grpc.MetricsServiceStub(channel).Read(metrics_pb2.ReadRequest())
        assert failed.value.kind is Kind.UNIMPLEMENTED


async def test_a_stranger_does_not() -> None:
    async with listening() as listener, dial(listener, STRANGER) as channel:
        with pytest.raises(PiccoloError) as failed:
            await Stub(channel).Echo(EchoRequest())
    assert failed.value.kind is Kind.UNAVAILABLE


async def test_the_rules_of_the_door_hold_here_too() -> None:
    async with listening() as listener, dial(listener, MEMBER) as channel:
        with pytest.raises(PiccoloError) as failed:
            await Stub(channel).Echo(EchoRequest(text="ninechars"))
        assert failed.value.reason == "REQUEST_INVALID"


async def test_a_call_does_not_wait_among_all_methods() -> None:
    async with listening() as listener, dial(listener, MEMBER) as channel:
        await Stub(channel).Echo(EchoRequest(text="hi"))
        running = [str(getattr(task.get_coro(), "__qualname__", "")) for task in asyncio.all_tasks()]
        assert [name for name in running if "request" in name]
        assert not [name for name in running if "registered" in name]


class _Nobody(grpc.aio.ServerInterceptor):
    """Authorises nobody, from within the call, where the peer's certificate can be seen."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        async def refuse(request: Any, context: Any) -> Any:
            certificate = next(iter(context.auth_context()["x509_pem_cert"]))
            assert certificate == MEMBER.certificate
            raise PiccoloError(Kind.DENIED, "NOT_A_MEMBER", "You are not in this circle.")

        return grpc.unary_unary_rpc_method_handler(refuse, EchoRequest.FromString)


async def test_what_authorises_runs_inside_and_may_raise() -> None:
    async with listening(interceptors=[_Nobody()]) as listener, dial(listener, MEMBER) as channel:
        with pytest.raises(PiccoloError) as failed:
            await Stub(channel).Echo(EchoRequest())
    assert (failed.value.kind, failed.value.reason) == (Kind.DENIED, "NOT_A_MEMBER")


async def test_beyond_the_limit_calls_are_refused_not_queued() -> None:
    async with listening(limit=1) as listener, dial(listener, MEMBER) as channel:
        stub: Any = Stub(channel)
        first = stub.Chat()
        await first.write(EchoRequest(text="a"))
        await first.read()
        with pytest.raises(PiccoloError) as failed:
            await stub.Echo(EchoRequest())
        assert failed.value.kind is Kind.EXHAUSTED
        await first.done_writing()


async def test_a_port_in_use_is_said() -> None:
    async with listening() as listener:
        with pytest.raises(PiccoloError) as failed:
            new_host().add_listener(f"127.0.0.1:{listener.port}", server_credentials())
    assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "ADDRESS_IN_USE")


async def test_without_a_socket_local_services_are_refused() -> None:
    with pytest.raises(PiccoloError, match=r"serve\.socket"):
        new_host().add_service(lambda server: None, NAME)


async def test_the_end_reaches_every_listener() -> None:
    async with AsyncExitStack() as last:
        async with listening() as listener:
            channel = await last.enter_async_context(dial(listener, MEMBER))
            hanging = asyncio.create_task(_hang(Stub(channel)))
            assert (await Stub(channel).Echo(EchoRequest(text="x"))).text == "x"
        with pytest.raises(PiccoloError) as failed:
            await asyncio.wait_for(hanging, 10)
    assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "STOPPING")


async def _hang(stub: Stub) -> Any:
    return await stub.Echo(EchoRequest(behaviour="hang"))
