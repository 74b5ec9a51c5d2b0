"""Words on their way to their owner's note: shown once, never stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from piccolo_formats.kek import Kek
    from piccolo_formats.passphrase import SealedKek


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown once: the words, and which of them (from 1) are asked back."""

    words: tuple[str, ...]
    ask: tuple[int, ...]

    def __repr__(self) -> str:
        return "<Shown: hidden>"


@dataclass(frozen=True, slots=True, repr=False)
class Offer:
    """New words that were shown and not confirmed: in memory only."""

    kek: Kek
    sealed: SealedKek
    ask: tuple[int, ...]
