"""A toy service, ready to be called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from piccolo_chassis.calls import Channel
from piccolo_chassis.testing import Service, running, spawned
from piccolo_chassis.tests.protos import toy_pb2_grpc

TOY = "piccolo_chassis.tests.toy.__main__"
Start = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def start() -> Start:
    """Runs a toy until it is ready: `start(settings, folder)`."""
    return partial(_named, running)


@pytest.fixture
def launch() -> Start:
    """Runs a toy that may never be ready."""
    return partial(_named, spawned)


def _named(
    how: Start, settings: dict[str, Any], folder: Path, **options: Any
) -> AbstractAsyncContextManager[Service]:
    return how("toy", settings, folder, module=TOY, **options)


@pytest.fixture
async def toy(start: Start, tmp_path: Path) -> AsyncIterator[Service]:
    """A toy that is ready."""
    async with start({}, tmp_path) as service:
        yield service


@pytest.fixture
async def channel(toy: Service) -> AsyncIterator[Channel]:
    """A channel to it."""
    async with toy.connect() as channel:
        yield channel


@pytest.fixture
def stub(channel: Channel) -> toy_pb2_grpc.ToyServiceStub:
    """Its stub."""
    return toy_pb2_grpc.ToyServiceStub(channel)
