"""Wires the way of a file: adapters, use cases, servicer, background work.

`__main__` calls it once the keys stand; it is a file of its own so that keys and files can be read apart.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.adapters.codecs import best_codec
from piccolo_vault.adapters.keeper import GrpcKeepers
from piccolo_vault.adapters.metadata import MetadataObjects, MetadataOperations
from piccolo_vault.engine.storage.context import Context, Numbers
from piccolo_vault.engine.storage.peers import Peers
from piccolo_vault.engine.storage.pipeline import Pipeline
from piccolo_vault.engine.storage.store import Store
from piccolo_vault.service.store import NAME, add

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from piccolo_chassis.calls import Channel
    from piccolo_chassis.host import Host

    from piccolo_vault.core.storage.settings import StoreSettings
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.ports.keyring import Aftermath, CircleSource, Exposure, Keyring, Renewals

    class DeviceKeys(Keyring, Aftermath, Exposure, Renewals, Protocol):
        """The keys, and who is told what keepers said."""


@asynccontextmanager
async def store_wiring(
    settings: StoreSettings,
    host: Host,
    keyring: DeviceKeys,
    circle: CircleSource,
    metadata: Channel,
    custody: Custody,
) -> AsyncIterator[None]:
    """The way of a file, served on the host's socket while the block lasts.

    When the vault is locked, what needs the KEK ends and waiting plaintext is dropped; when anything changes
    about the keys, what may have waited for it is looked at.
    """
    objects, tasks = MetadataObjects(metadata), host.task_group
    keepers = GrpcKeepers(keyring, lambda work: tasks.create_task(_ended(work), name="close a channel"))
    pipeline = Pipeline(best_codec(), settings.threads)
    context = Context(
        keyring=keyring,
        peers=Peers(circle, keepers, objects, time.time, keyring),
        objects=objects,
        operations=MetadataOperations(metadata),
        pipeline=pipeline,
        settings=settings,
        random=os.urandom,
        now=time.time,
        numbers=Numbers(objects, keyring),
        tasks=tasks,
    )
    store = Store(context, circle, keyring)
    host.add_service(partial(add, store), NAME)
    store.start()
    tasks.create_task(_at_the_end(host.stopping, store), name="end of streams")
    tasks.create_task(_whenever(custody.locked.wait, store.forget), name="forget when locked")
    tasks.create_task(_whenever(custody.changed.wait, store.look), name="look when unlocked")
    try:
        yield
    finally:
        await keepers.close()
        await asyncio.to_thread(pipeline.close)


async def _ended(work: Awaitable[None]) -> None:
    await work


async def _at_the_end(stopping: asyncio.Event, store: Store) -> None:
    await stopping.wait()
    store.interrupt(
        PiccoloError(
            Kind.UNAVAILABLE, "STOPPING", "The vault is stopping; go on with the upload when it is back."
        )
    )


async def _whenever(changed: Callable[[], Awaitable[None]], act: Callable[[], None]) -> None:
    while True:
        await changed()
        act()
