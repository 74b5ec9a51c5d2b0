"""What a write is made of, as the use cases know it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.fek import SUITE, Fek, Scope, unwrap, wrap, wrapped_epoch
from piccolo_formats.records.manifest import Content
from piccolo_formats.segments import SEGMENT_SIZE

from piccolo_vault.core.storage.manifests import read_content, translated
from piccolo_vault.ports.objects import NewFile, StoredContent

if TYPE_CHECKING:
    from piccolo_formats.segments import SegmentPlan

    from piccolo_vault.core.storage.health import Health
    from piccolo_vault.engine.storage.context import Context


@dataclass(frozen=True, slots=True)
class Anew:
    """A kept version that gets another key: `file.moved_from` is where it lies, `losses` what it survives."""

    file: NewFile
    losses: int


@dataclass(frozen=True, slots=True)
class WriteStart:
    """Where a file goes and under which conditions; `upload_id` names an upload that can be resumed.

    `anew`: what is written is a version that there is already; it keeps its id, its names and its order.
    """

    path: str
    modified: int = 0
    media: str = ""
    expected_revision: int | None = None
    upload_id: str = ""
    size: int | None = None
    at_risk: bool = False
    anew: Anew | None = None

    @property
    def losses(self) -> int:
        """How many lost devices it should survive at least."""
        return self.anew.losses if self.anew else 0


@dataclass(frozen=True, slots=True)
class Finish:
    """The file is whole; `size` is what the client sent in all."""

    size: int


Step: TypeAlias = bytes | memoryview | Finish


@dataclass(frozen=True, slots=True)
class Written:
    """A file's new version. `created`: nothing had its name before."""

    path: str
    revision: int
    version_id: bytes
    size: int
    health: Health
    created: bool


@dataclass(frozen=True, slots=True, eq=False)
class FileKey:
    """A file version's new key and ids; the key is shown nowhere. `object_id`: of a lone file."""

    fek: Fek
    scope: Scope
    wrapped: bytes
    object_id: bytes

    @classmethod
    def generate(cls, context: Context, anew: Anew | None = None) -> FileKey:
        """Draws a key and ids; of a version that is sealed `anew` only the key and the object are new.

        Raises PiccoloError LOCKED on a locked device.
        """
        kek, random = context.keyring.kek(), context.random
        fek = Fek.generate(random)
        if anew is None:
            scope = Scope(random(16), random(16))
            object_id = scope.version_id
        else:
            scope, object_id = read_content(anew.file.content.content).scope, random(16)
        return cls(fek, scope, wrap(kek, context.keyring.kek_epoch(), fek, scope, random), object_id)


def new_file(
    start: WriteStart, key: FileKey, plan: SegmentPlan, offset: int, now: int, *, journalled: bool = False
) -> NewFile:
    """Returns what metadata publishes of a file that is sealed under `key` as `plan` cuts it."""
    content = Content(
        suite=SUITE,
        file_id=key.scope.file_id,
        version_id=key.scope.version_id,
        size=plan.size,
        segment_size=SEGMENT_SIZE,
        segments=plan.count,
        commitment=key.fek.commitment(key.scope),
    ).to_record()
    stored = StoredContent(content, key.fek.mac(key.scope, content), key.wrapped, offset, plan.sealed_size)
    upload_id = start.upload_id if journalled else ""
    if start.anew is not None:
        return replace(start.anew.file, content=stored, upload_id=upload_id)
    return NewFile(
        path=start.path,
        modified=start.modified or now,
        media=start.media,
        expected_revision=start.expected_revision,
        content=stored,
        upload_id=upload_id,
        version_id=key.scope.version_id,
        size=plan.size,
    )


def rewrapped(context: Context, wrapped: bytes, scope: Scope) -> bytes:
    """Returns a wrapped key under the KEK in force.

    Raises PiccoloError LOCKED or UNAVAILABLE when it is of another one, and what opens it is not at hand.
    """
    keyring = context.keyring
    if wrapped_epoch(wrapped) == keyring.kek_epoch():
        return wrapped
    with translated("The key of what was written cannot be opened"):
        key = unwrap(keyring.kek_for(wrapped), wrapped, scope)
    return wrap(keyring.kek(), keyring.kek_epoch(), key, scope, context.random)


def check_size(received: int, finish: Finish) -> None:
    """Raises PiccoloError INVALID, SIZE_MISMATCH when what arrived is not what was sent."""
    if received != finish.size:
        raise PiccoloError(
            Kind.INVALID,
            "SIZE_MISMATCH",
            f"{received} bytes arrived, {finish.size} were announced at the end; nothing was stored.",
            {"received": str(received)},
        )
