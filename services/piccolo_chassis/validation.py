"""Checks requests against the rules that stand in the protos. The only file that knows protovalidate.

Rules:
* All violations are told at once, by field; the value is not repeated, because it may be a secret.
* Messages of files without rules cost nothing: a process that serves none of its own never loads the checker
  (7 MiB).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    import protovalidate

_TOLD = 8
_RULES = "buf/validate/validate.proto"


def prepare(services: Iterable[str]) -> None:
    """Loads the checker when one of these services needs it, so that its first request does not wait."""
    for name in services:
        with suppress(KeyError):  # a name that is no service of the wire is nobody's to check
            if _has_rules(Default().FindServiceByName(name).file):
                import protovalidate  # noqa: F401


@cache
def _has_rules(file: FileDescriptor) -> bool:
    return any(one.name == _RULES or _has_rules(one) for one in file.dependencies)


def check(request: object) -> None:
    """Lets a good request pass; raw bytes (a proxy's) are not looked into.

    Raises PiccoloError INVALID, REQUEST_INVALID, with one detail a field.
    """
    if not isinstance(request, Message) or not _has_rules(request.DESCRIPTOR.file):
        return
    import protovalidate

    violations = protovalidate.collect_violations(request)
    if not violations:
        return
    found = {
        _path(v.proto.field): v.proto.message or v.proto.rule_id or "is invalid" for v in violations[:_TOLD]
    }
    told = "; ".join(f"{field} {text}" if field else text for field, text in found.items())
    raise PiccoloError(
        Kind.INVALID,
        "REQUEST_INVALID",
        f"The request is not valid: {told}.",
        {k or "request": v for k, v in found.items()},
    )


def _path(field: protovalidate.FieldPathPb | None) -> str:
    elements: Iterable[protovalidate.FieldPathElementPb] = field.elements if field else ()
    return ".".join(map(_element, elements))


def _element(element: protovalidate.FieldPathElementPb) -> str:
    where = element.subscript
    return f"{element.field_name}[{where.value}]" if where else str(element.field_name)
