"""A device record as a whole (section 9): what it says is the owner's word, and its keys are fit for use."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.kek import owner_id
from piccolo_formats.records.device import Device
from piccolo_formats.signed import open_signed
from piccolo_formats.tls import check_certificate

if TYPE_CHECKING:
    from piccolo_formats.signed import Signed

NAME_BYTES: Final = 255


def open_device(data: bytes, root: bytes | None = None) -> Signed[Device]:
    """Verify Signed("device"), its certificates and that no key serves two roles.

    `root` is the owner's root as the caller knows it (from the roster, or by successors); without it the
    record must name the owner's first root, from which the owner_id is made. Raises AuthenticationError
    (`device-root`, `not-signed`, `bad-signature`) or FormatError.
    """
    signed = open_signed(Device, data)
    device = signed.record
    if (device.root != root) if root is not None else (owner_id(device.root) != device.owner):
        raise AuthenticationError("device-root", "the device record names a root that is not its owner's")
    signed.require(device.root)
    check_device_keys(device)
    return signed


def check_device_keys(device: Device) -> None:
    """Raise FormatError unless the certificates are fit for roles, and every role has keys of its own."""
    certificates = [device.tls.fragment_store, device.tls.vault, device.tls.attestation, device.enrol]
    for certificate in certificates:
        check_certificate(certificate)
    roles = device.signing
    keys = [roles.vault, roles.metadata, roles.fragment_store, roles.attestation, device.root, device.admin]
    if len(set(certificates)) != len(certificates) or len(set(keys)) != len(keys):
        raise FormatError("device-keys", "two roles of the device share a key")


def device_name(name: str) -> str:
    """Return a device's name as records have it: NFC, no blanks around it.

    Raises FormatError `device-name` unless it has 1 to 255 bytes of UTF-8 and no control characters.
    """
    text = unicodedata.normalize("NFC", name).strip()
    printable = not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text)
    if not text or len(text.encode(errors="surrogatepass")) > NAME_BYTES or not printable:
        raise FormatError(
            "device-name", f"a device's name has 1 to {NAME_BYTES} bytes and no control characters"
        )
    return text
