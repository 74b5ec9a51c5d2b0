"""A scene: files of every kind whose words were exposed, and what is asked of them afterwards."""

from __future__ import annotations

from dataclasses import replace

from piccolo_formats.fek import unwrap
from piccolo_formats.records.manifest import Content

from piccolo_vault.core.resealed import Resealed
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, QUICK, World

Files = dict[str, bytes]
SWIFT = replace(QUICK, open_seconds=0.1, store_limit=MIB)


async def filled(here: World) -> Files:
    """Files of every kind, one with an older version."""
    files = {
        "/none": b"",
        "/small/1": random_bytes(900),
        "/small/2": random_bytes(70_000),
        "/message": random_bytes(400_000),
        "/streamed": random_bytes(3 * MIB + 17),
        "/changed": random_bytes(500),
    }
    await here.put("/changed", b"as it was")
    here.objects.older.add(here.objects.entries["/changed"].version_id)
    for path, data in files.items():
        await here.put(path, data)
    return files


def expose(here: World) -> set[bytes]:
    """The words were exposed, and new ones are in force: what there is is marked; a newer device goes on."""
    here.objects.exposed = set(here.objects.objects)
    here.keyring.exposed = here.keyring.number
    here.keyring.number = here.objects.generation = here.keyring.exposed + 1
    return here.objects.exposed.copy()


def fragments(here: World) -> set[bytes]:
    """All whole fragments, in a trash too."""
    return {
        fragment_id
        for keeper in here.keepers
        for fragment_id, kept in keeper.fragments.items()
        if kept.state is not KeptState.INCOMING
    }


def feks(here: World) -> dict[bytes, bytes]:
    """Every version's key, by its id."""
    found = {}
    for version_id, version in here.objects.versions.items():
        content = Content.from_record(version.file.content.content)
        key = unwrap(here.keyring._kek, version.file.content.wrapped_key, content.scope)
        found[version_id] = key.reveal()
    return found


async def rounds(here: World, most: int = 12) -> Resealed:
    """Rounds until it is over."""
    for _ in range(most):
        here.clock_offset += 601  # whatever waits for another try
        await here.store.chores.resealer.round()
        if here.keyring.resealings and here.keyring.resealings[-1].over:
            break
    return here.keyring.resealings[-1]


async def check(here: World, files: Files, old: set[bytes], keys: dict[bytes, bytes]) -> None:
    """Everything reads, nothing has its old key, nothing old is anywhere."""
    assert {path: await here.get(path) for path in files} == files
    assert fragments(here).isdisjoint(old)
    now = feks(here)
    assert now.keys() == keys.keys()
    assert all(now[each] != keys[each] for each in keys)
    assert not here.objects.exposed
    assert not here.objects.intents


def orders_of(here: World) -> dict[bytes, tuple[int, int]]:
    return {each: version.file.order for each, version in here.objects.versions.items()}
