"""Objects of the store that are not what was written, and requests that nobody should send.

The cloud tells what is damaged, of which log, and serves the other logs as before.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.tests.mutations import FUZZ, altered, mutated

from piccolo_cloud.core import mailbox
from piccolo_cloud.core.authority import prove
from piccolo_cloud.core.names import arrival_of, entry_key, log_prefix, seq_of
from piccolo_cloud.testing import MemoryObjectStore
from piccolo_cloud.tests.clouds import CHANGESET, SNAPSHOT, Cloud, history
from piccolo_cloud.tests.owners import Owner, pieces

GOOD: Final = Owner().device().authority(b"n" * 32, "Append", 1)
EXPECTED: Final = frozenset({Kind.DATA_LOSS, Kind.INVALID, Kind.DENIED, Kind.CONFLICT, Kind.UNAUTHENTICATED})


async def _spoilt_log(seq: int, wrong: st.DataObject) -> None:
    cloud, owner = Cloud(MemoryObjectStore()), Owner()
    made = await history(cloud, owner.device(), SNAPSHOT, CHANGESET, CHANGESET)
    key, good = entry_key(owner.locator, seq), made[seq - 1].data
    spoilt = wrong.draw(mutated(good, made[0].data))
    await cloud.store.delete(key)
    await cloud.store.create(key, len(spoilt), pieces(spoilt))
    blank = Cloud(cloud.store)  # which remembers nothing
    for headers in (True, False):
        try:
            found = await blank.read(owner, headers=headers)
        except PiccoloError as damaged:
            assert damaged.kind is Kind.DATA_LOSS  # noqa: PT017
        else:
            assert {n: data for n, data in found.items() if n != seq} == {
                each.seq: found[each.seq] for each in made if each.seq != seq
            }
    assert (await cloud.append(other := Owner().device(), other.entry(None, SNAPSHOT, b"x"))) == 1


@FUZZ
@given(st.integers(1, 3), st.data())
def test_a_spoilt_entry_is_damage_of_that_log_alone(seq: int, data: st.DataObject) -> None:
    asyncio.run(_spoilt_log(seq, data))


async def _spoilt_append(wrong: st.DataObject) -> None:
    cloud, owner = Cloud(MemoryObjectStore()), Owner()
    device = owner.device()
    made = await history(cloud, device, SNAPSHOT)
    good = device.entry(made[-1], CHANGESET, os.urandom(100))
    spoilt = wrong.draw(mutated(good.data, made[0].data))
    try:
        await cloud.append(device, replace(good, data=spoilt))
    except PiccoloError as refused:
        assert refused.kind in EXPECTED, refused  # noqa: PT017
        assert await cloud.keys(owner) == [entry_key(owner.locator, 1)]
    assert (await cloud.read(owner, last=1))[1] == made[0].data


@FUZZ
@given(st.data())
def test_an_entry_of_anything_is_taken_whole_or_refused(data: st.DataObject) -> None:
    asyncio.run(_spoilt_append(data))


@FUZZ
@given(st.data())
def test_an_authority_of_anything_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["locator", "delegation", "nonce", "signature"]))
    old = getattr(GOOD, name)
    wrong = data.draw(altered(old) | mutated(old) if name == "delegation" else mutated(old))
    try:
        prove(replace(GOOD, **{name: wrong}), "Append", 1)
    except PiccoloError as refused:
        assert refused.kind in EXPECTED, refused  # noqa: PT017
    else:
        assert wrong == old


@FUZZ
@given(
    mutated(entry_key(b"l" * 32, 7).encode())
    | mutated(log_prefix(b"l" * 32).encode())
    | st.binary(max_size=80)
)
def test_names_of_anything_are_ours_or_strangers(key: bytes) -> None:
    text = key.decode(errors="replace")
    for read in (seq_of, arrival_of):
        found = read(text)
        assert found is None or found >= 0
    mailbox.is_expired(text, 1_700_000_000)
    mailbox.in_order([text, text + "x"], 1_700_000_000)
