"""Opens a configuration: signature, then seal, then form, then whether it is this node's, and now's.

Rules:
* Nothing is opened that the signer did not sign, and nothing is read that was not opened.
* It is the node's own, has not expired, and its serial is no lower than the highest this node has had. Who
  holds back new ones can do so only until the old one expires, and nobody can bring back an older one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import minisign
import pyrage

from piccolo_provision.core import document
from piccolo_provision.core.document import Node
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import Answer, Seed


@dataclass(frozen=True, slots=True)
class Measure:
    """What a configuration is judged by.

    Attributes:
        now: with a time zone.
        floor: the highest serial that this node has had; 0: none.
    """

    now: datetime
    floor: int


def open_answer(answer: Answer, seed: Seed, measure: Measure) -> Node:
    """The configuration in an answer. Raises RefusedError, one of the CONFIGURATION_ reasons."""
    try:
        seed.signer.verify(answer.sealed, minisign.Signature.from_bytes(answer.signature))
    except minisign.Error as wrong:
        raise RefusedError(Reason.CONFIGURATION_SIGNATURE) from wrong
    try:
        opened = pyrage.decrypt(answer.sealed, [seed.identity])
    except pyrage.DecryptError as wrong:
        raise RefusedError(Reason.CONFIGURATION_SEALED) from wrong
    node = document.parse(opened)
    if node.node != seed.node:
        raise RefusedError(Reason.CONFIGURATION_FOREIGN)
    if node.expires <= measure.now:
        raise RefusedError(Reason.CONFIGURATION_EXPIRED)
    if node.serial < measure.floor:
        raise RefusedError(Reason.CONFIGURATION_REPLAYED)
    return node
