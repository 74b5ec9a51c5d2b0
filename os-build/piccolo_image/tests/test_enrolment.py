"""What a firmware in setup mode is given, read and verified by another program than made it."""

from __future__ import annotations

import ssl
import struct
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from piccolo_chassis import command
from piccolo_chassis.errors import PiccoloError

from piccolo_image import enrolment
from piccolo_image.keys import Keys

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
VENDORS = {"PK": GLOBAL, "KEK": GLOBAL, "db": "d719b2cb-3d3a-4596-a3bc-dad00e67656f"}
PKCS7 = "4aafd29d-68df-49ee-8aa9-347d375665a7"
NOW = datetime(2026, 11, 30, 2, 45, 7, tzinfo=UTC)
ATTRIBUTES = 0x27


@pytest.fixture
async def keys(tmp_path: Path) -> Keys:
    made = Keys(tmp_path / "keys")
    made.folder.mkdir()
    made["owner"].write_text(f"{uuid.uuid4()}\n")
    for role in VENDORS:
        out = ("-keyout", made[f"{role}.key"], "-out", made[f"{role}.crt"], "-subj", f"/CN=Piccolo {role}")
        words = ("-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "36500")
        await command.run(["openssl", "req", *words, *out], seconds=60.0)
    return made


def parted(whole: bytes) -> tuple[bytes, bytes, bytes]:
    """Time, signature, and the variable itself."""
    length, revision, kind = struct.unpack_from("<IHH", whole, 16)
    assert (revision, kind, whole[24:40]) == (0x0200, 0x0EF1, uuid.UUID(PKCS7).bytes_le)
    return whole[:16], whole[40 : 16 + length], whole[16 + length :]


async def verified(signed: bytes, content: bytes, by: Path, folder: Path) -> None:
    """Raises PiccoloError unless that key's CMS signature is over the content."""
    oid = bytes.fromhex("06092a864886f70d010702")
    within = b"\xa0\x82" + len(signed).to_bytes(2, "big") + signed
    (folder / "signature").write_bytes(b"\x30\x82" + len(oid + within).to_bytes(2, "big") + oid + within)
    (folder / "content").write_bytes(content)
    what = ("-inform", "DER", "-in", folder / "signature", "-content", folder / "content", "-binary")
    how = ("-certfile", by, "-nointern", "-noverify", "-out", "/dev/null")
    await command.run(["openssl", "cms", "-verify", *what, *how], seconds=60.0)


@pytest.mark.component
@pytest.mark.parametrize(("role", "above"), [("PK", "PK"), ("KEK", "PK"), ("db", "KEK")])
async def test_each_key_is_enrolled_by_the_one_above_it(
    role: str, above: str, keys: Keys, tmp_path: Path
) -> None:
    enrolment.write(keys, tmp_path, NOW)
    time, signed, listed = parted((tmp_path / f"{role}.auth").read_bytes())
    assert struct.unpack("<HBBBBB", time[:7]) == (2026, 11, 30, 2, 45, 7)
    assert time[7:] == bytes(9), "what the specification wants to be zero"
    certificate = ssl.PEM_cert_to_DER_cert(keys[f"{role}.crt"].read_text())
    assert listed[16:28] == struct.pack("<III", len(listed), 0, 16 + len(certificate))
    assert listed[28:] == uuid.UUID(keys.owner).bytes_le + certificate
    assert signed[13:22] == bytes.fromhex("608648016503040201"), "SHA-256, where firmwares look for it"

    vendor = uuid.UUID(VENDORS[role]).bytes_le
    content = role.encode("utf-16-le") + vendor + struct.pack("<I", ATTRIBUTES) + time + listed
    await verified(signed, content, keys[f"{above}.crt"], tmp_path)
    with pytest.raises(PiccoloError):
        await verified(signed, content + b"\0", keys[f"{above}.crt"], tmp_path)
    other = "db" if above != "db" else "PK"
    with pytest.raises(PiccoloError):
        await verified(signed, content, keys[f"{other}.crt"], tmp_path)


@pytest.mark.component
def test_there_is_one_for_each_and_nothing_else(keys: Keys, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    enrolment.write(keys, folder, NOW)
    assert {path.name for path in folder.iterdir()} == {"PK.auth", "KEK.auth", "db.auth"}
