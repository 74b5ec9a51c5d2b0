"""Chooses the implementation of the erasure code, once, and says so in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.adapters.isal import IsalCodec
from piccolo_vault.adapters.zfec_codec import ZfecCodec

if TYPE_CHECKING:
    from piccolo_vault.ports.codec import Codec

_log = logging.getLogger(__name__)


def best_codec() -> Codec:
    """Returns ISA-L where it is installed, zfec otherwise: slower, the same bytes."""
    codec: Codec
    try:
        codec = IsalCodec()
    except PiccoloError as missing:
        codec = ZfecCodec()
        _log.warning("erasure code chosen", extra=fields(codec=codec.name, why=missing.message))
    else:
        _log.info("erasure code chosen", extra=fields(codec=codec.name))
    return codec
