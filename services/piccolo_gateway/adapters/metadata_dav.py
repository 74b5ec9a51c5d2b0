"""What WebDAV needs of metadata's names, over its socket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from piccolo.metadata.v1 import file_pb2 as pb
from piccolo.metadata.v1.file_pb2_grpc import FileServiceStub
from piccolo_chassis.calls import Channel

from piccolo_gateway.adapters.metadata_files import entry_of
from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.ports.dav import Noted

_TREE_SECONDS: Final = 60.0  # of many thousands of names


class MetadataDav:
    """The tree of names, with what was noted about them."""

    def __init__(self, channel: Channel) -> None:
        self._stub = FileServiceStub(channel)

    async def stat(self, path: str, *, noted: bool) -> Noted:
        """One entry."""
        return _noted((await self._stub.Stat(pb.StatRequest(path=path, properties=noted))).entry)

    async def list(self, path: str, *, noted: bool, page_token: str) -> tuple[list[Noted], str]:
        """A page of a directory, and the token of the next."""
        told = await self._stub.List(pb.ListRequest(path=path, page_token=page_token, properties=noted))
        return [_noted(one) for one in told.entries], told.next_page_token

    async def note(self, path: str, put: Mapping[str, str], remove: Sequence[str]) -> None:
        """Sets and forgets properties, all or none."""
        made = [pb.Property(name=name, value=value) for name, value in put.items()]
        await self._stub.PatchProperties(pb.PatchPropertiesRequest(path=path, put=made, remove=remove))

    async def make_directory(self, path: str) -> Entry:
        """Makes a directory where nothing is yet."""
        request = pb.MakeDirectoryRequest(path=path, exclusive=True)
        return entry_of((await self._stub.MakeDirectory(request)).entry)

    async def move(self, source: str, destination: str, *, replace: bool) -> Entry:
        """Changes a name."""
        request = pb.MoveRequest(source=source, destination=destination, replace=replace)
        return entry_of((await self._stub.Move(request, timeout=_TREE_SECONDS)).entry)

    async def copy(self, source: str, destination: str, *, replace: bool, shallow: bool) -> Entry:
        """Gives a second name."""
        request = pb.CopyRequest(source=source, destination=destination, replace=replace, shallow=shallow)
        return entry_of((await self._stub.Copy(request, timeout=_TREE_SECONDS)).entry)


def _noted(told: pb.Entry) -> Noted:
    return Noted(entry_of(told), {one.name: one.value for one in told.properties})
