"""Which slots of a LUKS2 header are the words', by its JSON (`cryptsetup luksDump --dump-json-metadata`).

A slot that a token refers to is a TPM's; all others are opened by what a person knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def words_slots(header: Mapping[str, Any]) -> frozenset[int]:
    """Their numbers."""
    bound = {slot for token in header["tokens"].values() for slot in token["keyslots"]}
    return frozenset(int(slot) for slot in header["keyslots"] if slot not in bound)
