"""script/seed NAME OUT: makes a seed volume, and the entry of its node in the folder of a static site.

Rules:
* The node's secret key is on the volume and nowhere else; here stays its public half, for further entries.
* An entry is written after it was read as a device would read it: what the device refuses is not published.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import tempfile
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import minisign
import pyrage
import tomli_w
from piccolo_chassis import command
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.state import write_durably
from piccolo_provision.core import document, ignition, opening, seed
from piccolo_provision.core.opening import Measure
from piccolo_provision.core.seed import Answer

LABEL: Final = "PICCOLOSEED"
_BUILD: Final = Path(__file__).resolve().parents[1] / "build/seed"
_SECONDS: Final = 60.0
_SECTORS: Final = "2048"  # KiB of the volume
_OWN: Final = 0o600


def signing_key(folder: Path) -> minisign.SecretKey:
    """The signer's key in a folder: minisign.key, minisign.pub; one for development when there is none."""
    path = folder / "minisign.key"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pair = minisign.KeyPair.generate()
        _write_own(path, bytes(pair.secret_key) + b"\n")
        (folder / seed.SIGNER).write_bytes(bytes(pair.public_key) + b"\n")
    key = minisign.SecretKey.from_file(path)
    if key.is_encrypted():
        key.decrypt(getpass.getpass(f"Password of {path}: "))
    return key


def seal(configuration: bytes, recipient: pyrage.x25519.Recipient, key: minisign.SecretKey) -> Answer:
    """A configuration for one node, as its site has it."""
    sealed = pyrage.encrypt(configuration, [recipient])
    return Answer(sealed, bytes(key.sign(sealed)) + b"\n")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made.

    Attributes:
        told: the tables of the configuration, without node, serial and expires.
        site: the address at which `folder` is published.
    """

    node: str
    told: Mapping[str, Any]
    serial: int
    days: int
    site: str
    offline: bool
    folder: Path
    keys: Path

    def configuration(self, now: datetime) -> bytes:
        """The document."""
        expires = now.replace(microsecond=0) + timedelta(days=self.days)
        whole = {"node": self.node, "serial": self.serial, "expires": expires, **self.told}
        return tomli_w.dumps(whole).encode()


def make(plan: Plan, identity: pyrage.x25519.Identity, now: datetime) -> dict[str, bytes]:
    """Writes the site's entry for a node with a new key; returns the files of its volume.

    Raises RefusedError for what the device would refuse.
    """
    key = signing_key(plan.keys)
    answer = seal(plan.configuration(now), identity.to_public(), key)
    files = {
        seed.NAME: f"{plan.node}\n".encode(),
        seed.KEY: f"{identity}\n".encode(),
        seed.SIGNER: bytes(key.get_public_key()) + b"\n",
    }
    if plan.site:
        files[seed.SITE] = f"{plan.site}\n".encode()
    if plan.offline:
        files |= {seed.SEALED: answer.sealed, seed.SIGNATURE: answer.signature}
    opening.open_answer(answer, seed.parse(files), Measure(now, plan.serial))
    recipients = plan.keys / "recipients"
    recipients.mkdir(exist_ok=True)
    (recipients / plan.node).write_text(f"{identity.to_public()}\n", encoding="ascii")
    publish(plan, answer)
    return files


def update(plan: Plan, now: datetime) -> None:
    """Writes a new entry for a node that has its volume.

    Raises RefusedError, or FileNotFoundError for a node that has none.
    """
    known = (plan.keys / "recipients" / plan.node).read_text(encoding="ascii").strip()
    configuration = plan.configuration(now)
    document.parse(configuration)
    publish(plan, seal(configuration, pyrage.x25519.Recipient.from_str(known), signing_key(plan.keys)))


def publish(plan: Plan, answer: Answer) -> None:
    """Writes the entry: its signature first, so that a site copied meanwhile has no entry of an older one."""
    nodes = plan.folder / "nodes"
    nodes.mkdir(parents=True, exist_ok=True)
    write_durably(nodes / f"{plan.node}.minisig", answer.signature)
    write_durably(nodes / plan.node, answer.sealed)


async def write_volume(files: Mapping[str, bytes], out: Path) -> None:
    """Writes a FAT file system of a label and these files, without a loop mount: it works in a container."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".seed-") as scratch:
        volume = Path(scratch) / "volume"
        for name, content in files.items():
            (Path(scratch) / name).write_bytes(content)
        await command.run(["mkfs.vfat", "-C", "-n", LABEL, volume, _SECTORS], seconds=_SECONDS)
        sources = [Path(scratch) / name for name in files]
        await command.run(["mcopy", "-i", volume, *sources, "::"], seconds=_SECONDS)
        volume.chmod(_OWN)
        volume.replace(out)


def _write_new(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    _write_own(path, content)


def _write_own(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN), "wb") as file:
        file.write(content)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/seed", description="Makes a seed volume and its site's entry."
    )
    told = parser.add_argument
    told(
        "--configuration", type=Path, metavar="TOML", help="see docs/provision.md; without it: the name alone"
    )
    told("--site", default="", metavar="URL", help="where the site's folder will be published")
    told("--folder", type=Path, default=_BUILD / "site", help="the site's folder")
    told(
        "--keys",
        type=Path,
        default=_BUILD / "keys",
        help="the folder of minisign.key, made when it is not there",
    )
    told("--days", type=int, default=365, help="how long the configuration is taken")
    told("--offline", action="store_true", help="the volume brings the configuration along")
    told("--update", action="store_true", help="only the site's entry, for a node that has its volume")
    told("name", metavar="NAME")
    told("out", metavar="OUT", type=Path, nargs="?", help="the volume's image, or *.ign for Ignition")
    return parser


def main() -> None:
    """Parses the command line."""
    parser = _parser()
    chosen = parser.parse_args()
    if chosen.update == (chosen.out is not None):
        parser.error("it wants either OUT or --update")
    if not (chosen.update or chosen.site or chosen.offline):
        parser.error("a seed needs --site, --offline or both: else the device has no configuration")
    try:
        told = tomllib.loads(chosen.configuration.read_text(encoding="utf-8")) if chosen.configuration else {}
        plan = Plan(
            chosen.name,
            told,
            serial=int(time.time()),  # counts up by itself
            days=chosen.days,
            site=chosen.site,
            offline=chosen.offline,
            folder=chosen.folder,
            keys=chosen.keys,
        )
        if chosen.update:
            update(plan, datetime.now(UTC))
        else:
            files = make(plan, pyrage.x25519.Identity.generate(), datetime.now(UTC))
            if chosen.out.suffix == ".ign":
                _write_new(chosen.out, ignition.write(files))
            else:
                asyncio.run(write_volume(files, chosen.out))
    except (OSError, ValueError, PiccoloError) as failed:
        cause = f" ({failed.__cause__})" if failed.__cause__ else ""
        raise SystemExit(f"script/seed: {failed}{cause}") from failed
    print(f"The site's entry: {chosen.folder / 'nodes' / chosen.name}")
    if not chosen.update:
        print(f"The seed, which stays with the device: {chosen.out}")
        print("It holds the node's secret key; there is no other copy.")


if __name__ == "__main__":
    main()
