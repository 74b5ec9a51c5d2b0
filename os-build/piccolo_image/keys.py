"""The keys that a release is signed with: real ones in a folder of their owner's, or this machine's own.

    PK, KEK, db (.key, .crt), owner   UEFI Secure Boot; `owner`: the GUID under which the firmware knows them
    pcr.key, pcr.pub                  the policy of PCR 11, under which the data partition opens
    gpg/, release.gpg                 OSTree's commits: the key ring, and its public key
    minisign.key, minisign.pub        the site's documents; .minisign-pass-secret holds the key's passphrase,
                                      encrypted by GPG

Rules:
* Development keys are never committed; a device that trusts them trusts whoever has the machine they are on.
* A folder of keys is made whole or not at all, and none is written over.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import minisign

from piccolo_image.workshop import Workshop

_DAYS: Final = "36500"
_ROLES: Final = ("PK", "KEK", "db")
_PASSPHRASE: Final = ".minisign-pass-secret"


@dataclass(frozen=True, slots=True)
class Keys:
    """A folder of keys."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    @property
    def owner(self) -> str:
        """The GUID under which the firmware knows them."""
        return (self.folder / "owner").read_text(encoding="ascii").strip()

    def gpg(self, *words: str) -> Sequence[str | Path]:
        """The words of gpg with this folder's key ring."""
        return ("gpg", "--homedir", self["gpg"], "--batch", "--quiet", "--no-tty", *words)


async def development(workshop: Workshop) -> Keys:
    """The development keys of this machine."""

    async def make(folder: Path) -> None:
        await create(workshop, folder, "Piccolo development")

    return Keys(await workshop.tree("keys", "development 2", make))


async def login(workshop: Workshop) -> Path:
    """The private key of this machine that logs in on its development images; the public one is beside it."""

    async def make(folder: Path) -> None:
        folder.mkdir(mode=0o700)
        key = folder / "login"
        await workshop.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "development", "-f", key)

    return await workshop.tree("login", "development 1", make) / "login"


async def create(workshop: Workshop, folder: Path, name: str) -> Keys:
    """Makes keys in a folder that is not there yet; `name` is what they are called."""
    folder.mkdir(mode=0o700)
    made = Keys(folder)
    made["owner"].write_text(f"{uuid.uuid4()}\n", encoding="ascii")
    for role in _ROLES:
        await _secure_boot(workshop, made, name, role)
    beside = (folder,)
    await workshop.run("openssl", "genrsa", "-out", made["pcr.key"], "2048", beside=beside)
    await workshop.run(
        *("openssl", "rsa", "-in", made["pcr.key"], "-pubout", "-out", made["pcr.pub"]), beside=beside
    )
    await _openpgp(workshop, made, name)
    await _minisign(workshop, made)
    return made


async def _secure_boot(workshop: Workshop, made: Keys, name: str, role: str) -> None:
    await workshop.run(
        *("openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", _DAYS),
        *("-subj", f"/CN={name} {role}"),
        *("-keyout", made[f"{role}.key"], "-out", made[f"{role}.crt"]),
        beside=(made.folder,),
    )


async def _openpgp(workshop: Workshop, made: Keys, name: str) -> None:
    made["gpg"].mkdir(mode=0o700)
    # certifying and signing, and a subkey that the minisign key's passphrase is encrypted to
    await gpg(workshop, made, "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
    await gpg(workshop, made, "--passphrase", "", "--quick-add-key", await signer(workshop, made), "cv25519")
    await gpg(workshop, made, "--output", str(made["release.gpg"]), "--export", name)


async def _minisign(workshop: Workshop, made: Keys) -> None:
    pair, passphrase = minisign.KeyPair.generate(), secrets.token_urlsafe(32)
    made["minisign.pub"].write_bytes(bytes(pair.public_key))
    pair.secret_key.encrypt(passphrase)
    made["minisign.key"].touch(mode=0o600)
    made["minisign.key"].write_bytes(bytes(pair.secret_key))
    words = ("-r", await signer(workshop, made), "--trust-model=always", "-o", str(made[_PASSPHRASE]), "-e")
    await gpg(workshop, made, *words, stdin=passphrase.encode())


async def minisign_key(workshop: Workshop, keys: Keys) -> minisign.SecretKey:
    """The key of the site's documents, opened."""
    passphrase = await gpg(workshop, keys, "--decrypt", str(keys[_PASSPHRASE]), secret=True)
    key = minisign.SecretKey.from_file(keys["minisign.key"])
    key.decrypt(passphrase)
    return key


async def signer(workshop: Workshop, keys: Keys) -> str:
    """The fingerprint of the key that signs commits."""
    told = await gpg(workshop, keys, "--with-colons", "--list-secret-keys")
    return next(line.split(":")[9] for line in told.splitlines() if line.startswith("fpr:"))


async def gpg(
    workshop: Workshop, keys: Keys, *words: str, stdin: bytes | None = None, secret: bool = False
) -> str:
    """Runs gpg with the folder's key ring, and ends the agent that it starts."""
    beside = (keys.folder,)
    try:
        return await workshop.run(*keys.gpg(*words), beside=beside, stdin=stdin, secret=secret)
    finally:
        await workshop.run("gpgconf", "--homedir", keys["gpg"], "--kill", "all", beside=beside)
