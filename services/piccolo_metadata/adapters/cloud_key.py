"""This process's own signing key (role "metadata"): made once, in no backup, never shown.

The file has a digest in front: a seed with a flipped bit is a key too, whose entries nobody believes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import make_folder, write_durably
from piccolo_formats.digests import with_digest, without_digest
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.secret import Random

_CONTEXT: Final = "metadata-key"


def own_key(path: Path, random: Random) -> SigningKey:
    """The key in the file, made when there is none.

    Raises PiccoloError PRECONDITION, KEY_DAMAGED.
    """
    if not path.exists():
        make_folder(path.parent)
        write_durably(path, with_digest(_CONTEXT, random(SigningKey.SIZE)))
        path.chmod(0o600)
    try:
        seed = without_digest(_CONTEXT, path.read_bytes())
    except OSError as failed:
        raise _damaged(path, failed) from failed
    if seed is None:
        raise _damaged(path, "it is not what was written")
    return SigningKey(seed)


def _damaged(path: Path, why: object) -> PiccoloError:
    return PiccoloError(
        Kind.PRECONDITION,
        "KEY_DAMAGED",
        f"This device's signing key {path} cannot be read: {why}. Put it back from a copy, or remove it: a "
        "new one is made, and certified when this device's owner unlocks it.",
    )
