"""What a seed volume says: whose device this is, by which key it opens its configuration, and who signs that.

Rules:
* The node's key never leaves the volume but for RAM: without the volume a device has no name, and what it
  kept is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import minisign
import msgspec
import pyrage

from piccolo_provision.core import ignition
from piccolo_provision.core.document import LARGEST
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.words import NodeName

NAME: Final = "nodename"
KEY: Final = "age.key"
SIGNER: Final = "minisign.pub"
SITE: Final = "site"
SEALED: Final = "node.age"
SIGNATURE: Final = "node.age.minisig"
FILES: Final = (NAME, KEY, SIGNER, SITE, SEALED, SIGNATURE)
IGNITION: Final = "config.ign"  # the same in Ignition's words
LARGEST_IGNITION: Final = 2 * LARGEST


@dataclass(frozen=True, slots=True)
class Answer:
    """A configuration as it came.

    Attributes:
        sealed: an age file.
        signature: of minisign, over that file.
    """

    sealed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed volume.

    Attributes:
        site: where configurations lie, without a slash at its end; empty: nowhere.
        offline: a configuration that came along.
    """

    node: str
    identity: pyrage.x25519.Identity = field(repr=False)
    signer: minisign.PublicKey
    site: str = ""
    offline: Answer | None = None


def parse(files: Mapping[str, bytes]) -> Seed:
    """Reads the files of a volume, by name. Raises RefusedError, one of the SEED_ reasons."""
    if told := files.get(IGNITION):
        files = {**ignition.files(told), **files}
    if not all(files.get(name) for name in (NAME, KEY, SIGNER)):
        raise RefusedError(Reason.SEED_INCOMPLETE)
    offline = None
    if SEALED in files or SIGNATURE in files:
        offline = Answer(files.get(SEALED, b""), files.get(SIGNATURE, b""))
    return Seed(
        node=_name(files[NAME]),
        identity=_identity(files[KEY]),
        signer=_signer(files[SIGNER]),
        site=_site(files.get(SITE, b"")),
        offline=offline,
    )


def _text(told: bytes, why: Reason) -> str:
    try:
        return told.decode("ascii").strip()
    except UnicodeDecodeError as wrong:
        raise RefusedError(why) from wrong


def _name(told: bytes) -> str:
    try:
        return msgspec.convert(_text(told, Reason.SEED_NAME), NodeName)
    except msgspec.ValidationError as wrong:
        raise RefusedError(Reason.SEED_NAME) from wrong


def _identity(told: bytes) -> pyrage.x25519.Identity:
    """The one key in what age-keygen writes, whose comments begin with #."""
    lines = [line for line in _text(told, Reason.SEED_KEY).splitlines() if line and not line.startswith("#")]
    try:
        (key,) = lines
        return pyrage.x25519.Identity.from_str(key.strip())
    except (ValueError, pyrage.IdentityError):
        # from None: the library's words may quote the key
        raise RefusedError(Reason.SEED_KEY) from None


def _signer(told: bytes) -> minisign.PublicKey:
    try:
        return minisign.PublicKey.from_bytes(told)
    except minisign.Error as wrong:
        raise RefusedError(Reason.SEED_SIGNER) from wrong


def _site(told: bytes) -> str:
    site = _text(told, Reason.SEED_SITE)
    if not site:
        return ""
    try:
        parts = urlsplit(site)
        fine = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError as wrong:
        raise RefusedError(Reason.SEED_SITE) from wrong
    if not fine or parts.query or parts.fragment or parts.username or not site.isprintable() or " " in site:
        raise RefusedError(Reason.SEED_SITE)
    return site.rstrip("/")
