"""Directories, moving, copying, searching, versions, the trash."""

from __future__ import annotations

from typing import Final

from piccolo_gateway.core import paths
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.base import Page
from piccolo_gateway.core.bodies.files import (
    Copy,
    Deleted,
    Entries,
    Entry,
    Listing,
    Move,
    RestoreRemoved,
    RestoreVersion,
    Search,
    Totals,
    Trash,
    Versions,
)
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_FILES: Final = "files"
_DIRECTORIES: Final = "directories"
_TRASH: Final = "trash"


_MAKE = Endpoint(
    method="PUT",
    path=f"{PREFIX}/directories/{{path}}",
    summary="Make a directory and its missing parents",
    tag=_DIRECTORIES,
    scope=Scope.WRITE,
    answers={201: Answer("The directory.", Entry)},
    unlocked=True,
)

_TOTALS = Endpoint(
    method="GET",
    path=f"{PREFIX}/totals/{{path}}",
    summary="How much lies below a directory",
    tag=_DIRECTORIES,
    scope=Scope.READ,
    answers={200: Answer("Counts and bytes.", Totals)},
    unlocked=True,
)

_MOVE = Endpoint(
    method="POST",
    path=f"{PREFIX}/move",
    summary="Rename a file or a whole directory",
    tag=_FILES,
    scope=Scope.WRITE,
    body=Move,
    refuses=(404,),
    answers={200: Answer("The entry under its new name.", Entry)},
    unlocked=True,
)

_COPY = Endpoint(
    method="POST",
    path=f"{PREFIX}/copy",
    summary="Give a file or directory a second name; nothing is stored twice",
    tag=_FILES,
    scope=Scope.WRITE,
    body=Copy,
    refuses=(404,),
    answers={201: Answer("The new entry.", Entry)},
    unlocked=True,
)

_SEARCH = Endpoint(
    method="GET",
    path=f"{PREFIX}/search",
    summary="Find entries by a part of their name",
    tag=_FILES,
    scope=Scope.READ,
    query=Search,
    answers={200: Answer("Entries in path order.", Entries)},
    unlocked=True,
)

_VERSIONS = Endpoint(
    method="GET",
    path=f"{PREFIX}/versions/{{path}}",
    summary="A file's kept versions",
    tag=_FILES,
    scope=Scope.READ,
    query=Page,
    answers={200: Answer("Newest first.", Versions)},
    unlocked=True,
)

_RESTORE_VERSION = Endpoint(
    method="POST",
    path=f"{PREFIX}/versions/{{path}}",
    summary="Make an older version the newest one again",
    tag=_FILES,
    scope=Scope.WRITE,
    body=RestoreVersion,
    answers={200: Answer("The file.", Entry)},
    unlocked=True,
)

_REMOVED = Endpoint(
    method="GET",
    path=f"{PREFIX}/trash",
    summary="A page of the trash",
    tag=_TRASH,
    scope=Scope.READ,
    query=Page,
    answers={200: Answer("Newest first.", Trash)},
    unlocked=True,
)

_RESTORE_REMOVED = Endpoint(
    method="POST",
    path=f"{PREFIX}/trash/{{trash_id}}/restore",
    summary="Take an entry out of the trash",
    tag=_TRASH,
    scope=Scope.WRITE,
    body=RestoreRemoved,
    answers={200: Answer("The restored entry.", Entry)},
    unlocked=True,
)


_PURGE_REMOVED = Endpoint(
    method="DELETE",
    path=f"{PREFIX}/trash/{{trash_id}}",
    summary="Delete an entry of the trash for good, before its time is over",
    tag=_TRASH,
    scope=Scope.WRITE,
    answers={200: Answer("What was deleted.", Deleted)},
    words="It is gone whole, or it stays in the trash whole.",
    unlocked=True,
    audit="file.purge",
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of names."""
    return [*_directories(services), *_names(services), *_versions(services), *_trash(services)]


def _directories(services: Services) -> list[Bound]:
    async def listing(call: Call) -> Reply:
        asked = call.query(Listing)
        page = await services.files.list(
            call.path, recursive=asked.recursive, page_size=asked.page_size, page_token=asked.page_token
        )
        return Reply(body=page)

    async def make(call: Call) -> Reply:
        return Reply(201, await services.files.make_directory(call.path))

    async def totals(call: Call) -> Reply:
        return Reply(body=await services.files.totals(call.path))

    def described(path: str) -> Endpoint:
        return Endpoint(
            method="GET",
            path=path,
            summary="A page of a directory" if "{" in path else "A page of the root",
            tag=_DIRECTORIES,
            scope=Scope.READ,
            query=Listing,
            answers={200: Answer("Entries in name order.", Entries)},
            unlocked=True,
        )

    return [
        Bound(described(f"{PREFIX}/directories"), listing),
        Bound(described(f"{PREFIX}/directories/{{path}}"), listing),
        Bound(_MAKE, make),
        Bound(_TOTALS, totals),
    ]


def _names(services: Services) -> list[Bound]:
    async def move(call: Call) -> Reply:
        asked = call.body(Move)
        entry = await services.files.move(
            paths.check(asked.source),
            paths.check(asked.destination),
            overwrite=asked.overwrite,
            expected_revision=asked.expected_revision,
        )
        return Reply(body=entry)

    async def copy(call: Call) -> Reply:
        asked = call.body(Copy)
        source, destination = paths.check(asked.source), paths.check(asked.destination)
        entry = await services.files.copy(
            source,
            destination,
            overwrite=asked.overwrite,
            expected_revision=asked.expected_revision,
        )
        return Reply(201, entry)

    async def search(call: Call) -> Reply:
        asked = call.query(Search)
        under = paths.check(asked.under) if asked.under else ""
        page = await services.files.search(
            asked.query, under=under, page_size=asked.page_size, page_token=asked.page_token
        )
        return Reply(body=page)

    return [Bound(_MOVE, move), Bound(_COPY, copy), Bound(_SEARCH, search)]


def _versions(services: Services) -> list[Bound]:
    async def listing(call: Call) -> Reply:
        asked = call.query(Page)
        page = await services.files.versions(
            call.path, page_size=asked.page_size, page_token=asked.page_token
        )
        return Reply(body=page)

    async def restore(call: Call) -> Reply:
        asked = call.body(RestoreVersion)
        version = bytes.fromhex(asked.version_id)
        entry = await services.files.restore_version(
            call.path, version, expected_revision=asked.expected_revision
        )
        return Reply(body=entry)

    return [Bound(_VERSIONS, listing), Bound(_RESTORE_VERSION, restore)]


def _trash(services: Services) -> list[Bound]:
    async def listing(call: Call) -> Reply:
        asked = call.query(Page)
        return Reply(body=await services.files.trash(page_size=asked.page_size, page_token=asked.page_token))

    async def restore(call: Call) -> Reply:
        asked = call.body(RestoreRemoved)
        path = "" if asked.path is None else paths.check(asked.path)
        return Reply(body=await services.files.restore_removed(call.number("trash_id"), path))

    async def purge(call: Call) -> Reply:
        deleted, call.subject = await services.writer.delete_removed(call.number("trash_id"))
        return Reply(body=deleted)

    return [Bound(_REMOVED, listing), Bound(_RESTORE_REMOVED, restore), Bound(_PURGE_REMOVED, purge)]
