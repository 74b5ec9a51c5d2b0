"""The partition by cryptsetup(8) and systemd-cryptenroll(1).

Keys are given by standard input, never as arguments. The slot's key has 256 random bits: deriving it slowly
would protect nothing, so PBKDF2 has the fewest rounds that LUKS allows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_disk.core.header import words_slots

NAME: Final = "data"
_MAPPER: Final = Path("/dev/mapper")
_SECONDS: Final = 120.0
_VOLUME_KEY: Final = "%user:piccolo-data"  # as the initrd leaves it (piccolo-data)
_CHEAP: Final = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
_WRONG: Final = 2
_SECURE_BOOT: Final = Path("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
_TPM: Final = Path("/dev/tpmrm0")
_POLICY_KEY: Final = Path("/run/systemd/tpm2-pcr-public-key.pem")
# If it found the UKI's signature in /run/systemd, it would try the policy, which only an initrd fulfils.
_BIND: Final = (
    'mount -t tmpfs -o mode=0755 tmpfs /run/systemd && printf %s "$0" >/run/systemd/tpm2-pcr-public-key.pem'
    ' && exec systemd-cryptenroll "$@"'
)


class Cryptsetup:
    """A partition with a LUKS2 header."""

    def __init__(self, partition: Path) -> None:
        self._partition = partition

    def there(self) -> bool:
        """As the port says."""
        return self._partition.exists()

    def is_open(self) -> bool:
        """As the port says."""
        return (_MAPPER / NAME).exists()

    async def slots(self) -> frozenset[int]:
        """As the port says."""
        told = await command.run(
            ["cryptsetup", "luksDump", "--dump-json-metadata", self._partition], seconds=_SECONDS
        )
        return words_slots(json.loads(told.stdout))

    async def opens(self, key: bytes, slot: int) -> bool:
        """As the port says."""
        options = ("--test-passphrase", "--key-slot", str(slot))
        return await self._try(key, *options, self._partition)

    async def add(self, key: bytes) -> None:
        """As the port says."""
        options = ("--batch-mode", "--volume-key-keyring", _VOLUME_KEY, *_CHEAP)
        await command.run(
            ["cryptsetup", "luksAddKey", *options, self._partition, "-"], stdin=key, seconds=_SECONDS
        )

    async def remove(self, slot: int) -> None:
        """As the port says."""
        await command.run(
            ["cryptsetup", "luksKillSlot", "--batch-mode", self._partition, str(slot)], seconds=_SECONDS
        )

    async def open(self, key: bytes) -> bool:
        """As the port says."""
        link = ("--link-vk-to-keyring", f"@u::{_VOLUME_KEY}")
        return await self._try(key, "--disable-external-tokens", *link, self._partition, NAME)

    async def close(self) -> None:
        """As the port says."""
        await command.run(["cryptsetup", "close", NAME], seconds=_SECONDS)

    async def bind(self, key: bytes) -> bool:
        """As the port says; the policy is that of the initrd's repart.conf."""
        # without Secure Boot whoever has the device could measure what the policy wants
        if not (_TPM.exists() and _POLICY_KEY.exists() and _is_on(_SECURE_BOOT)):
            return False
        policy = ("--tpm2-pcrs=7", f"--tpm2-public-key={_POLICY_KEY}", "--tpm2-public-key-pcrs=11")
        enrol = ("--unlock-key-file=/dev/stdin", "--tpm2-device=auto", *policy)
        # first: under one policy systemd-cryptenroll would take another TPM's slot for this one's
        await command.run(["systemd-cryptenroll", "--wipe-slot=tpm2", self._partition], seconds=_SECONDS)
        script = ("unshare", "--mount", "sh", "-c", _BIND, _POLICY_KEY.read_text(encoding="ascii"))
        await command.run([*script, *enrol, self._partition], stdin=key, seconds=_SECONDS)
        return True

    async def _try(self, key: bytes, *options: str | Path) -> bool:
        told = await command.run(
            ["cryptsetup", "open", "--type", "luks2", "--key-file", "-", *options],
            stdin=key,
            seconds=_SECONDS,
            check=False,
        )
        if told.status not in (0, _WRONG):
            raise PiccoloError(
                Kind.INTERNAL,
                "DISK_FAILED",
                f"cryptsetup ended with {told.status}: {told.stderr[-500:].decode(errors='replace').strip()}",
            )
        return not told.status


def _is_on(variable: Path) -> bool:
    """Whether a firmware's variable is 1, behind four bytes of attributes."""
    try:
        return variable.read_bytes()[4:] == b"\x01"
    except OSError:
        return False
