"""The three stores, and a real S3 server."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from piccolo_chassis.testing import no_leaked_processes

from piccolo_cloud.adapters.local_store import LocalObjectStore
from piccolo_cloud.adapters.s3_store import S3ObjectStore, S3Settings
from piccolo_cloud.ports import ObjectStore
from piccolo_cloud.testing import MemoryObjectStore

__all__ = ["no_leaked_processes"]

Made: TypeAlias = Callable[[], ObjectStore]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """moto behind a lock: it looks whether a name is free and takes it in two steps, which S3 does in one."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    application, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ: Any, start_response: Any) -> Iterable[bytes]:
        with lock:
            return list(application(environ, start_response))

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def s3_settings(s3_server: str) -> S3Settings:
    """A fresh bucket."""
    import boto3  # type: ignore[import-untyped]

    bucket = f"bucket-{secrets.token_hex(4)}"
    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)
    client.close()
    return S3Settings(
        bucket, endpoint=s3_server, access_key="key", allow_http=True, prefix="cloud", timeout=20
    )


@pytest.fixture(params=["memory", "folder", pytest.param("s3", marks=pytest.mark.component)])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """A maker of stores that all look at the same objects, as processes that follow each other do."""
    if request.param == "memory":
        memory = MemoryObjectStore()
        return lambda: memory
    if request.param == "folder":
        return lambda: LocalObjectStore(tmp_path / "objects", reserve=0)
    settings = request.getfixturevalue("s3_settings")
    return lambda: S3ObjectStore(settings, "secret")


@pytest.fixture
def store(make_store: Made) -> ObjectStore:
    """One store of each kind."""
    return make_store()


@pytest.fixture
def unused_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
