"""Why a seed or a configuration is refused: a stable reason, and a sentence for a person.

Rules:
* A sentence says what is wrong and what to do. It is shown to strangers: it holds no name, key, number or
  address, neither the node's nor what a hostile volume or site said.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError


class Reason(StrEnum):
    """What was wrong."""

    SEED_UNREADABLE = "SEED_UNREADABLE"
    SEED_INCOMPLETE = "SEED_INCOMPLETE"
    SEED_IGNITION = "SEED_IGNITION"
    SEED_NAME = "SEED_NAME"
    SEED_KEY = "SEED_KEY"
    SEED_SIGNER = "SEED_SIGNER"
    SEED_SITE = "SEED_SITE"
    SEED_FOREIGN = "SEED_FOREIGN"
    SITE_UNREACHABLE = "SITE_UNREACHABLE"
    SITE_UNKNOWN = "SITE_UNKNOWN"
    SITE_TOO_LARGE = "SITE_TOO_LARGE"
    CONFIGURATION_SIGNATURE = "CONFIGURATION_SIGNATURE"
    CONFIGURATION_SEALED = "CONFIGURATION_SEALED"
    CONFIGURATION_WRONG = "CONFIGURATION_WRONG"
    CONFIGURATION_FOREIGN = "CONFIGURATION_FOREIGN"
    CONFIGURATION_EXPIRED = "CONFIGURATION_EXPIRED"
    CONFIGURATION_REPLAYED = "CONFIGURATION_REPLAYED"
    CONFIGURATION_MISSING = "CONFIGURATION_MISSING"
    MEMORY_UNUSABLE = "MEMORY_UNUSABLE"


WORDS: Final = MappingProxyType(
    {
        Reason.SEED_UNREADABLE: "The seed volume cannot be read; make it anew.",
        Reason.SEED_INCOMPLETE: "The seed volume lacks the node's name, its key or the signer's public key;"
        " make it anew.",
        Reason.SEED_IGNITION: "The Ignition data is damaged, or asks for more than a seed can; make it anew.",
        Reason.SEED_NAME: "The name on the seed volume is none that a device can have; make it anew.",
        Reason.SEED_KEY: "The secret key on the seed volume is damaged; make it anew.",
        Reason.SEED_SIGNER: "The signer's public key on the seed volume is damaged; make it anew.",
        Reason.SEED_SITE: "The site's address on the seed volume is none; make it anew.",
        Reason.SEED_FOREIGN: "This device does not belong to the seed volume's signer: it had another one, or"
        " its owner, before. Use the right volume, or none.",
        Reason.SITE_UNREACHABLE: "The site did not answer.",
        Reason.SITE_UNKNOWN: "The site has no configuration for this device.",
        Reason.SITE_TOO_LARGE: "The site's answer is larger than any configuration.",
        Reason.CONFIGURATION_SIGNATURE: "The configuration was not signed by its signer, or was damaged.",
        Reason.CONFIGURATION_SEALED: "The configuration was not sealed for this device.",
        Reason.CONFIGURATION_WRONG: "The configuration says what this release does not understand.",
        Reason.CONFIGURATION_FOREIGN: "The configuration is another device's.",
        Reason.CONFIGURATION_EXPIRED: "The configuration has expired; its signer must make it anew.",
        Reason.CONFIGURATION_REPLAYED: "The configuration is older than one this device has had.",
        Reason.CONFIGURATION_MISSING: "The seed volume names no site and holds no configuration.",
        Reason.MEMORY_UNUSABLE: "What this device remembers of its configurations cannot be used.",
    }
)


class RefusedError(PiccoloError):
    """A seed or a configuration that is not taken."""

    def __init__(self, why: Reason) -> None:
        super().__init__(Kind.INVALID, why.value, WORDS[why])
        self.why: Final = why
