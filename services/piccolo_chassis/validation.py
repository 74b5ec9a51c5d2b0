"""Checks requests against the rules that stand in the protos. The only file that knows protovalidate.

Rules: all violations are told at once, by field; the value is not repeated, because it may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable

import protovalidate
from google.protobuf.message import Message

from piccolo_chassis.errors import Kind, PiccoloError

_TOLD = 8


def check(request: object) -> None:
    """Lets a good request pass; raw bytes (a proxy's) are not looked into.

    Raises PiccoloError INVALID, REQUEST_INVALID, with one detail a field.
    """
    if not isinstance(request, Message):
        return
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
