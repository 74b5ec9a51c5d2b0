"""What a TPM holds (SHA-256 bank) after a device has booted a version: for the manifest.

Sources: TCG PC Client Platform Firmware Profile 1.06 (PCR 4, 7), UAPI.7 and systemd-stub(7) (PCR 11, 12), the
PE/COFF specification (Authenticode hash).

Rules:
* PCR 7 is that of a firmware that knows our keys only and revokes nothing but the hash of nothing, as
  virt-fw-vars writes it; a real one may hold more.
"""

from __future__ import annotations

import hashlib
import ssl
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import pefile

from piccolo_image.keys import Keys

_SECTIONS: Final = (
    ".linux",
    ".osrel",
    ".cmdline",
    ".initrd",
    ".ucode",
    ".splash",
    ".dtb",
    ".uname",
    ".sbat",
    ".pcrpkey",
)
_PHASES: Final = ("enter-initrd", "leave-initrd", "sysinit", "ready")
_CALLING: Final = b"Calling EFI Application from Boot Option"
_SEPARATOR: Final = bytes(4)
GLOBAL: Final = UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
SECURITY: Final = UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
_DIGEST: Final = UUID("c1c41626-504c-4092-aca9-41f936934328")
_REVOKER: Final = UUID("a0baa8a3-041d-48a8-bc87-c36d121b5e3d")
X509: Final = UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")


def expected(loader: Path, uki: Path, keys: Keys) -> dict[str, str]:
    """The values by register, in hex."""
    parts = pefile.PE(str(uki), fast_load=True)
    started = (authenticode(path.read_bytes()) for path in (loader, uki))  # the stub starts the kernel itself
    four = [_hash(_CALLING), _hash(_SEPARATOR), *started]
    eleven: list[bytes] = []
    for name in _SECTIONS:
        if content := _content(parts, name):
            eleven += [_hash(name.encode() + b"\0"), _hash(content)]
    eleven += [_hash(phase.encode()) for phase in _PHASES]
    events = {"4": four, "7": _policy(keys), "11": eleven, "12": []}
    return {register: extended(digests).hex() for register, digests in events.items()}


def extended(digests: Iterable[bytes]) -> bytes:
    """A register, from zero, after these digests."""
    value = bytes(32)
    for digest in digests:
        value = _hash(value + digest)
    return value


def authenticode(image: bytes) -> bytes:
    """The hash of a PE image that leaves out where its signatures are."""
    parsed = pefile.PE(data=image, fast_load=True)
    header = parsed.OPTIONAL_HEADER
    checksum = header.get_field_absolute_offset("CheckSum")
    entry = header.DATA_DIRECTORY[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_SECURITY"]]
    at = entry.get_field_absolute_offset("VirtualAddress")
    end = entry.VirtualAddress or len(image)
    told = image[:checksum] + image[checksum + 4 : at] + image[at + 8 : end]
    return _hash(told + bytes(-end % 8))


def _content(parts: pefile.PE, name: str) -> bytes:
    for section in parts.sections:
        if section.Name.rstrip(b"\0") == name.encode():
            return bytes(section.get_data(length=section.Misc_VirtualSize))
    return b""


def _policy(keys: Keys) -> list[bytes]:
    owner = UUID(keys.owner)
    certificates = {role: der(keys[f"{role}.crt"]) for role in ("PK", "KEK", "db")}
    listed = {role: signature_list(X509, owner, der) for role, der in certificates.items()}
    return [
        _variable(GLOBAL, "SecureBoot", b"\1"),
        _variable(GLOBAL, "PK", listed["PK"]),
        _variable(GLOBAL, "KEK", listed["KEK"]),
        _variable(SECURITY, "db", listed["db"]),
        _variable(SECURITY, "dbx", signature_list(_DIGEST, _REVOKER, _hash(b""))),
        _hash(_SEPARATOR),
        _variable(SECURITY, "db", owner.bytes_le + certificates["db"]),  # what vouched for the boot loader
    ]


def _variable(vendor: UUID, name: str, data: bytes) -> bytes:
    text = name.encode("utf-16-le")
    return _hash(vendor.bytes_le + struct.pack("<QQ", len(name), len(data)) + text + data)


def signature_list(kind: UUID, owner: UUID, content: bytes) -> bytes:
    """An EFI_SIGNATURE_LIST of one entry."""
    size = 16 + len(content)
    return kind.bytes_le + struct.pack("<III", 28 + size, 0, size) + owner.bytes_le + content


def der(path: Path) -> bytes:
    """The certificate in a PEM file."""
    return ssl.PEM_cert_to_DER_cert(path.read_text(encoding="ascii"))


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
