"""The place of the KEK, and of those before and after it, while the vault is unlocked."""

from __future__ import annotations

from piccolo_formats.kek import Kek

from piccolo_vault.core.keys.refusals import key_gone, key_loading


class KekBox:
    """Holds the KEK in one buffer that is overwritten at `wipe`.

    Python copies what it hands out, and those copies die when their users let go of them: so nobody keeps a
    `Kek` longer than a piece of work takes. The process neither swaps nor dumps core.
    """

    __slots__ = ("_buffer", "_full")

    def __init__(self) -> None:
        self._buffer = bytearray(Kek.SIZE)
        self._full = False

    @property
    def full(self) -> bool:
        """Whether a KEK is in it."""
        return self._full

    def put(self, kek: Kek) -> None:
        """Takes a KEK in."""
        self._buffer[:] = kek.reveal()
        self._full = True

    def kek(self) -> Kek:
        """Returns the KEK. Raises LookupError when there is none; callers ask `full` first."""
        if not self._full:
            raise LookupError("no key is held")
        return Kek(bytes(self._buffer))

    def wipe(self) -> None:
        """Overwrites the KEK."""
        self._buffer[:] = bytes(len(self._buffer))
        self._full = False

    def __repr__(self) -> str:
        return "<KekBox: hidden>"


class KekRing:
    """The KEK in force, and while new words take its place the one before it and the one that follows."""

    __slots__ = ("following", "former", "present")

    def __init__(self) -> None:
        self.former, self.present, self.following = KekBox(), KekBox(), KekBox()

    def of(self, epoch: int, present: int, *, complete: bool) -> Kek:
        """Returns the KEK of an epoch, when `present` is the one in force.

        Raises PiccoloError UNAVAILABLE (KEY_LOADING) while that one is not in memory; DATA_LOSS (KEY_GONE)
        for an earlier one when it is known (`complete`) that nothing here tells it.
        """
        box = {present - 1: self.former, present: self.present, present + 1: self.following}.get(epoch)
        if box is None or not box.full:
            raise key_gone() if complete and epoch < present else key_loading()
        return box.kek()

    def wipe(self) -> None:
        """Overwrites them all."""
        for box in (self.former, self.present, self.following):
            box.wipe()

    def __repr__(self) -> str:
        return "<KekRing: hidden>"
