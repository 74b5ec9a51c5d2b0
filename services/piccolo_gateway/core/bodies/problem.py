"""What a failure looks like: RFC 9457."""

from __future__ import annotations

from typing import Annotated

import msgspec

from piccolo_gateway.core.bodies.base import Told


class Problem(Told, frozen=True, omit_defaults=True):
    """A failure, for people and for programs."""

    type: Annotated[str, msgspec.Meta(description="urn:piccolo:problem: and the reason.")]
    title: Annotated[str, msgspec.Meta(description="What sort of failure it is.")]
    status: Annotated[int, msgspec.Meta(description="The HTTP status.")]
    detail: Annotated[str, msgspec.Meta(description="What happened, in words.")]
    reason: Annotated[str, msgspec.Meta(description="For programs; stable, UPPER_SNAKE.")]
    kind: Annotated[str, msgspec.Meta(description="What sort of failure it is, for programs.")]
    next_step: Annotated[str, msgspec.Meta(description="What to do now, in words.")]
    incident: Annotated[str, msgspec.Meta(description="The number to report it under.")] = ""
    details: Annotated[
        dict[str, str], msgspec.Meta(description="Facts that a program acts on, such as durable_bytes.")
    ] = msgspec.field(default_factory=dict)
