"""This process's own signing key (role "metadata"): made once, in no backup, never shown."""

from __future__ import annotations

from pathlib import Path

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import make_folder, write_durably
from piccolo_formats.errors import FormatError
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.secret import Random


def own_key(path: Path, random: Random) -> SigningKey:
    """The key in the file, made when there is none.

    Raises PiccoloError PRECONDITION, KEY_DAMAGED.
    """
    if not path.exists():
        make_folder(path.parent)
        write_durably(path, random(SigningKey.SIZE))
        path.chmod(0o600)
    try:
        return SigningKey(path.read_bytes())
    except (OSError, FormatError) as damaged:
        raise PiccoloError(
            Kind.PRECONDITION,
            "KEY_DAMAGED",
            f"This device's signing key {path} cannot be read ({damaged}). Without it the device needs a new "
            "generation: remove the file, then restore with your 24 words.",
        ) from damaged
