"""Bodies about the software: what everybody may know, and what its owner may."""

from __future__ import annotations

from typing import Annotated

import msgspec

from piccolo_gateway.core.bodies.base import Seconds, Told


class Provision(Told, frozen=True):
    """What became of the device's configuration when it started."""

    state: Annotated[
        str,
        msgspec.Meta(
            description="`empty`: there was no seed volume; `current`; `kept`: an earlier copy is used;"
            " `refused`: none is."
        ),
    ]
    reason: Annotated[str, msgspec.Meta(description="Why it is not as it should be; empty: it is.")]
    message: Annotated[str, msgspec.Meta(description="The same in words.")]


class Configuration(Provision, frozen=True):
    """The same for the owner, and which configuration it is."""

    node: Annotated[str, msgspec.Meta(description="Whose it is; empty: there is none.")]
    serial: int
    expires: Seconds


class Boot(Told, frozen=True):
    """Where this device's data is since it was started."""

    state: Annotated[
        str,
        msgspec.Meta(
            description="`sealed`: the TPM opened the data; `degraded`: nothing did, and what is kept is in"
            " memory only; `opened`: the recovery words did; `ram`: this device runs from memory, nobody gave"
            " it a data volume, and it keeps nothing when its power goes."
        ),
    ]
    reason: Annotated[str, msgspec.Meta(description="Why the TPM did not open it; empty: it did.")]
    message: Annotated[str, msgspec.Meta(description="The same in words; empty: all is well.")]
    data: Annotated[
        bool,
        msgspec.Meta(description="Whether there is a data partition, which the recovery words may open."),
    ]


class WellKnown(Told, frozen=True):
    """What everybody may know: enough to find and watch a device, too little to choose a weapon by."""

    product: Annotated[str, msgspec.Meta(description="Always `piccolo`.")]
    api: Annotated[str, msgspec.Meta(description="Where the API document lies.")]
    version: Annotated[str, msgspec.Meta(description="The release without its patch level.")]
    healthy: Annotated[bool, msgspec.Meta(description="Whether all services of the device answer.")]
    since: Annotated[
        Seconds, msgspec.Meta(description="The day on which the gateway was started, its 0:00 UTC.")
    ]
    provision: Annotated[
        Provision | None, msgspec.Meta(description="Null: nobody looked for a configuration.")
    ] = None
    boot: Annotated[Boot | None, msgspec.Meta(description="Null: this is no device of the image.")] = None


class Facts(Told, frozen=True):
    """What its owner may know of the software."""

    version: str
    built: Annotated[Seconds, msgspec.Meta(description="When this release was put together; 0 is unknown.")]
    python: str
    packages: Annotated[dict[str, str], msgspec.Meta(description="Name to version.")]
    started: Annotated[Seconds, msgspec.Meta(description="When the gateway was started.")]
    uptime: Annotated[int, msgspec.Meta(description="Seconds since, by a clock that nobody sets.")]
    services: Annotated[dict[str, bool], msgspec.Meta(description="Whether each service answers.")]
    provision: Annotated[
        Configuration | None, msgspec.Meta(description="Null: nobody looked for a configuration.")
    ] = None
    boot: Annotated[Boot | None, msgspec.Meta(description="Null: this is no device of the image.")] = None
