"""metadata's FileService in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from piccolo.metadata.v1 import file_pb2 as pb
from piccolo.metadata.v1 import file_pb2_grpc as wire
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.tests.fakes.tree import Removed, Tree, entry, norm, parent

KEPT_UNTIL = 2_000_000_000
T = TypeVar("T")
Context = Any


def page(items: Sequence[T], size: int, token: str) -> tuple[Sequence[T], str]:
    """A page of items, and the token of the next."""
    if token and not (token.isascii() and token.isdigit() and len(token) < 12):
        raise PiccoloError(Kind.INVALID, "PAGE_TOKEN_FOREIGN", "The page token does not belong here.")
    begin = int(token or 0)
    end = begin + (size or 1000)
    return items[begin:end], str(end) if end < len(items) else ""


class FakeFiles(wire.FileServiceServicer):
    """The tree of names. `located` is called whenever an entry was located, before that is told."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.located: Callable[[], None] = lambda: None

    async def Stat(self, request: pb.StatRequest, context: Context) -> pb.StatResponse:
        node = self._tree.find(request.path)
        return pb.StatResponse(entry=entry(norm(request.path), node, noted=request.properties))

    async def Locate(self, request: pb.LocateRequest, context: Context) -> pb.LocateResponse:
        for path, node in self._tree.nodes.items():
            if node.entry_id == request.entry_id:
                found = pb.LocateResponse(entry=entry(path, node))
                self.located()
                return found
        raise PiccoloError(Kind.NOT_FOUND, "ENTRY_NOT_FOUND", "It is not among the files any more.")

    async def List(self, request: pb.ListRequest, context: Context) -> pb.ListResponse:
        if self._tree.find(request.path).is_file:
            raise PiccoloError(Kind.PRECONDITION, "NOT_A_DIRECTORY", f"{request.path} is a file.")
        if self._tree.pages is not None:
            self._tree.pages -= 1
            if self._tree.pages < 0:
                raise PiccoloError(Kind.UNAVAILABLE, "STOPPING", "The memory stops.")
        path = norm(request.path)
        found = [
            entry(name, node, noted=request.properties)
            for name, node in sorted(self._tree.below(path).items())
            if name != path and (request.recursive or parent(name) == path)
        ]
        shown, token = page(found, request.page_size, request.page_token)
        return pb.ListResponse(entries=shown, next_page_token=token)

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:
        wanted = request.query.casefold()
        found = [
            entry(name, node)
            for name, node in sorted(self._tree.below(request.under or "/").items())
            if wanted in name.rpartition("/")[2].casefold()
        ]
        shown, token = page(found, request.page_size, request.page_token)
        return pb.SearchResponse(entries=shown, next_page_token=token)

    async def MakeDirectory(
        self, request: pb.MakeDirectoryRequest, context: Context
    ) -> pb.MakeDirectoryResponse:
        if request.exclusive and norm(request.path) in self._tree.nodes:
            raise PiccoloError(Kind.ALREADY_EXISTS, "ENTRY_EXISTS", f"{request.path} exists already.")
        self._tree.make_directory(request.path)
        return pb.MakeDirectoryResponse(entry=self._tree.entry(request.path))

    async def Move(self, request: pb.MoveRequest, context: Context) -> pb.MoveResponse:
        tree, source, target = self._tree, norm(request.source), norm(request.destination)
        self._check(request, source, target)
        taken = tree.take(source, recursive=True, expected=_expected(request))
        tree.place(taken, source, target, overwrite=request.overwrite, replace=request.replace)
        return pb.MoveResponse(entry=tree.entry(target))

    async def Copy(self, request: pb.CopyRequest, context: Context) -> pb.CopyResponse:
        tree, source, target = self._tree, norm(request.source), norm(request.destination)
        self._check(request, source, target)
        tree.check(source, _expected(request))
        copied = {source: tree.nodes[source]} if request.shallow else tree.below(source)
        placed = {"overwrite": request.overwrite, "replace": request.replace}
        tree.place(copied, source, target, **placed, copy=True)
        return pb.CopyResponse(entry=tree.entry(target))

    async def Remove(self, request: pb.RemoveRequest, context: Context) -> pb.RemoveResponse:
        if request.purge:
            raise PiccoloError(Kind.DENIED, "PURGE", "Only the vault may ask so.")
        taken = self._tree.take(request.path, recursive=request.recursive, expected=_expected(request))
        number = self._tree.revision
        self._tree.trash[number] = Removed(norm(request.path), taken)
        return pb.RemoveResponse(files=sum(node.is_file for node in taken.values()), trash_id=number)

    async def ListVersions(
        self, request: pb.ListVersionsRequest, context: Context
    ) -> pb.ListVersionsResponse:
        node = self._tree.find_file(request.path)
        found = [
            pb.Version(
                version_id=one.version_id,
                size=one.size,
                modified=one.modified,
                stored=one.modified,
                current=one is node.versions[-1],
                media=one.media,
            )
            for one in reversed(node.versions)
        ]
        shown, token = page(found, request.page_size, request.page_token)
        return pb.ListVersionsResponse(versions=shown, next_page_token=token)

    async def RestoreVersion(
        self, request: pb.RestoreVersionRequest, context: Context
    ) -> pb.RestoreVersionResponse:
        self._tree.check(request.path, _expected(request))
        self._tree.restore(request.path, request.version_id)
        return pb.RestoreVersionResponse(entry=self._tree.entry(request.path))

    async def ListTrash(self, request: pb.ListTrashRequest, context: Context) -> pb.ListTrashResponse:
        found = [
            pb.Removed(
                trash_id=number,
                entry=entry(one.path, one.nodes[one.path]),
                files=sum(node.is_file for node in one.nodes.values()),
                kept_until=KEPT_UNTIL,
            )
            for number, one in sorted(self._tree.trash.items(), reverse=True)
        ]
        shown, token = page(found, request.page_size, request.page_token)
        return pb.ListTrashResponse(removed=shown, next_page_token=token)

    async def RestoreRemoved(
        self, request: pb.RestoreRemovedRequest, context: Context
    ) -> pb.RestoreRemovedResponse:
        removed = self._tree.trash.get(request.trash_id)
        if removed is None:
            raise PiccoloError(Kind.NOT_FOUND, "TRASH_NOT_FOUND", "Nothing in the trash has this number.")
        target = request.path or removed.path
        self._tree.place(removed.nodes, removed.path, target)
        del self._tree.trash[request.trash_id]
        return pb.RestoreRemovedResponse(entry=self._tree.entry(target))

    async def PurgeRemoved(
        self, request: pb.PurgeRemovedRequest, context: Context
    ) -> pb.PurgeRemovedResponse:
        raise PiccoloError(Kind.DENIED, "PURGE", "Only the vault may ask so.")

    async def Summarise(self, request: pb.SummariseRequest, context: Context) -> pb.SummariseResponse:
        self._tree.find(request.path)
        nodes = [node for name, node in self._tree.below(request.path).items() if name != norm(request.path)]
        files = [node for node in nodes if node.is_file]
        return pb.SummariseResponse(
            files=len(files),
            directories=len(nodes) - len(files),
            bytes=sum(node.versions[-1].size for node in files),
            versions=sum(len(node.versions) for node in files),
        )

    async def PatchProperties(
        self, request: pb.PatchPropertiesRequest, context: Context
    ) -> pb.PatchPropertiesResponse:
        node = self._tree.find(request.path)
        for name in request.remove:
            node.properties.pop(name, None)
        node.properties |= {one.name: one.value for one in request.put}
        return pb.PatchPropertiesResponse(entry=entry(norm(request.path), node, noted=True))

    def _check(self, request: pb.MoveRequest | pb.CopyRequest, source: str, target: str) -> None:
        self._tree.find(source)
        lost = request.replace and (source + "/").startswith(target.rstrip("/") + "/")
        if lost or (target + "/").startswith(source.rstrip("/") + "/"):
            raise PiccoloError(Kind.PRECONDITION, "INTO_ITSELF", "A directory cannot go into itself.")
        present = self._tree.nodes.get(target)
        if present is not None and not (request.replace or (request.overwrite and present.is_file)):
            raise PiccoloError(Kind.ALREADY_EXISTS, "ENTRY_EXISTS", f"{target} exists already.")


def _expected(
    request: pb.MoveRequest | pb.CopyRequest | pb.RemoveRequest | pb.RestoreVersionRequest,
) -> int | None:
    return request.expected_revision if request.HasField("expected_revision") else None
