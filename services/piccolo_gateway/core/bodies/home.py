"""Bodies about the home's network."""

from __future__ import annotations

from typing import Annotated

import msgspec

from piccolo_gateway.core.bodies.base import Told


class Network(Told, frozen=True):
    """What this device is in the network of its home."""

    name: Annotated[
        str, msgspec.Meta(description="The name it answers to, as `piccolo.local`; empty while it has none.")
    ]
    wanted: Annotated[str, msgspec.Meta(description="The name that follows from the setting `device.name`.")]
    taken: Annotated[
        bool, msgspec.Meta(description="Another device has that name, so this one took another.")
    ]
    addresses: list[str]
    root: Annotated[
        str, msgspec.Meta(description="SHA-256 of the root at `/ca.crt`; empty when there is none.")
    ]
