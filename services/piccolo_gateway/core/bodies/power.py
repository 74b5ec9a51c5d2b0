"""Bodies about ending the device."""

from __future__ import annotations

from typing import Annotated

import msgspec

from piccolo_gateway.core.bodies.base import Asked, Told


class OwnDevice(Told, frozen=True):
    """What the device is called, and whether it can be ended from here."""

    name: Annotated[
        str,
        msgspec.Meta(
            description="Its name in the circle; where it is in none, the setting `device.name`. A reset"
            " wants it typed."
        ),
    ]
    offered: Annotated[
        bool,
        msgspec.Meta(
            description="Whether restart, shutdown and reset are offered: it is a device of the image, and no"
            " set of programs on somebody's computer."
        ),
    ]


class Reset(Asked, frozen=True):
    """The owner's word that everything on this device may go."""

    name: Annotated[
        str,
        msgspec.Meta(max_length=200, description="The device's name, as /api/v1/device tells it, typed."),
    ]
