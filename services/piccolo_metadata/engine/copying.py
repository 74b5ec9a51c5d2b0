"""Copying a directory.

Rules:
* The copy is built out of sight, in small pieces, and gets its name at the end, in one write: nobody sees
  half a copy, and no other write waits for a large one.
* What changes in the source meanwhile may be in the copy or not, file by file.
* A copy that does not come to its end is taken apart; one that a crash left is found at the next start. One
  that has its name stays: whoever gives it up may not have heard yet that it is done.
"""

from __future__ import annotations

import asyncio
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.entries import Entry
from piccolo_metadata.core.paths import Path, check_length
from piccolo_metadata.engine import files, properties, trash, tree
from piccolo_metadata.engine.tree import Node
from piccolo_metadata.engine.walk import Place, walk
from piccolo_metadata.ports import Memory, Transaction

_PIECE: Final = 500


async def copy(
    memory: Memory,
    source: Path,
    destination: Path,
    *,
    overwrite: bool,
    expected: int | None = None,
    replace: bool = False,
    shallow: bool = False,
) -> Entry:
    """Copies a file or a directory, of this revision if one is named; returns the new entry.

    `replace`: see files.make_room; `shallow`: of a directory only itself.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND), CONFLICT (REVISION_CONFLICT), ALREADY_EXISTS
    (ENTRY_EXISTS), PRECONDITION (NOT_A_DIRECTORY), INVALID (INTO_ITSELF, PATH_TOO_LONG), FULL (DISK_FULL) or
    UNAVAILABLE (COPY_CUT_OFF).
    """
    memory.check_room()
    entry = await memory.write(
        files.copy_file, source, destination, overwrite=overwrite, expected=expected, replace=replace
    )
    if entry is not None:
        return entry
    staged = await memory.write(_begin, source, destination, overwrite=overwrite, replace=replace)
    try:
        after: Place | None = None if shallow else ()
        while after is not None:
            memory.check_room()
            after = await memory.write(_go_on, source, staged, after)
        return await memory.write(_finish, staged, destination, overwrite=overwrite, replace=replace)
    except BaseException:
        await asyncio.shield(memory.write(_give_up, staged))
        await trash.take_apart(memory)
        raise


async def clean_up(memory: Memory) -> None:
    """Takes apart what copies of an earlier process left."""
    while await memory.write(_give_up_one):
        pass
    await trash.take_apart(memory)


def _begin(tx: Transaction, source: Path, destination: Path, *, overwrite: bool, replace: bool) -> int:
    """Refuses what cannot end well; makes the directory that becomes the copy, and returns its id."""
    node = tree.find_directory(tx, source)
    files.refuse_into_itself(source, destination)
    if replace:
        files.refuse_to_lose(source, destination)
    check_length(destination.size + node.deep)
    occupant = tree.lookup(tx, destination)
    if occupant and not files.may_replace(occupant, overwrite=overwrite, replace=replace):
        raise files.exists(destination)
    stage = tree.by_id(tx, tree.STAGE)
    return _copied(tx, node, [stage], str(tx.revision())).id


def _copied(tx: Transaction, node: Node, above: list[Node], name: str) -> Node:
    """A copy of a directory, without what is in it."""
    copy = tree.insert(tx, above, name, deep=node.deep)
    properties.copy(tx, node.id, copy.id)
    return copy


def _go_on(tx: Transaction, source: Path, staged: int, after: Place) -> Place | None:
    """Copies some more; returns where it is, None at the end."""
    above = _chain(tx, staged, after)
    for count, (here, node) in enumerate(walk(tx, tree.find_directory(tx, source), Path(), after), 1):
        depth = len(here.parts)
        if depth > len(above):
            continue  # its directory was a file when it was copied
        del above[depth:]
        if node.is_directory:
            above.append(_copied(tx, node, above, node.name))
        else:
            files.copy_node(tx, node, above, node.name)
        if count == _PIECE:
            return here.parts
    return None


def _chain(tx: Transaction, staged: int, place: Place) -> list[Node]:
    """The copied directories along a place, as far as there are any."""
    nodes = [_under_way(tx, staged)]
    for name in place:
        node = tree.child(tx, nodes[-1].id, name)
        if node is None or not node.is_directory:
            break
        nodes.append(node)
    return nodes


def _finish(tx: Transaction, staged: int, destination: Path, *, overwrite: bool, replace: bool) -> Entry:
    copy = _under_way(tx, staged)
    above = files.make_room(tx, destination, overwrite=overwrite, replace=replace)
    return tree.place(tx, copy, above, destination.name).entry(destination)


def _under_way(tx: Transaction, staged: int) -> Node:
    if not _is_staged(tx, staged):
        raise PiccoloError(
            Kind.UNAVAILABLE, "COPY_CUT_OFF", "The copy was cut off before its end; nothing of it is left."
        )
    return tree.by_id(tx, staged)


def _is_staged(tx: Transaction, number: int) -> bool:
    return tx.one("SELECT 1 FROM entry WHERE id = ? AND parent = ?", number, tree.STAGE) is not None


def _give_up(tx: Transaction, staged: int) -> None:
    if _is_staged(tx, staged):
        trash.discard(tx, tree.by_id(tx, staged), "/", doomed=True)


def _give_up_one(tx: Transaction) -> bool:
    row = tx.one("SELECT id FROM entry WHERE parent = ? AND id <> parent LIMIT 1", tree.STAGE)
    if row:
        _give_up(tx, row[0])
    return row is not None
