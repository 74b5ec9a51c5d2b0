from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub

from piccolo_fragment_store.tests.peers import Peers, meeting


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A folder in memory where there is one: for an index whose own fsyncs are not what is tested."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest_asyncio.fixture
async def peers() -> AsyncIterator[Peers]:
    async with meeting() as met:
        yield met


@pytest_asyncio.fixture
async def keeper(peers: Peers) -> AsyncIterator[FragmentServiceStub]:
    """The keeper as Ana calls it."""
    async with peers.calling(peers.ana.vault_tls) as called:
        yield called
