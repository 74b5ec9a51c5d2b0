"""A reader written from docs/storage-format.md alone: it shares no line with the package that it checks.

It brings an owner's files back from 24 words and fragment files, and a database from the words and a log.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import blake3
import cbor2
import zfec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mnemonic import Mnemonic
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt


def digest(context: str, data: bytes) -> bytes:
    return blake3.blake3(data, derive_key_context=f"piccolo/{context}/v1").digest()


def hkdf(key: bytes, info: bytes, salt: bytes = b"", length: int = 32) -> bytes:
    prk = hmac.digest(salt or bytes(32), key, "sha256")
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([number]), "sha256")
        out, number = out + block, number + 1
    return out[:length]


def kek_of(words: str) -> bytes:
    numbers = [Mnemonic("english").wordlist.index(word) for word in words.split()]
    bits = "".join(f"{number:011b}" for number in numbers)
    kek = int(bits[:256], 2).to_bytes(32)
    assert f"{hashlib.sha256(kek).digest()[0]:08b}" == bits[256:]
    return kek


def verified(kind: str, signed: bytes) -> tuple[Any, list[bytes]]:
    payload, signatures = cbor2.loads(signed)
    for key, signature in signatures:
        message = b"piccolo/" + kind.encode() + b"/v1\0" + payload
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    record = cbor2.loads(payload)
    assert (record["type"], record["v"]) == (kind, 1)
    return record, [key for key, _ in signatures]


def public_key(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def hpke_open(private: bytes, sealed: bytes, info: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(private)
    enc, box = sealed[:32], sealed[32:]
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"

    def extract(name: bytes, salt: bytes, label: bytes, data: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + name + label + data, "sha256")

    def expand(name: bytes, key: bytes, label: bytes, data: bytes, length: int) -> bytes:
        text = struct.pack(">H", length) + b"HPKE-v1" + name + label + data + b"\x01"
        return hmac.digest(key, text, "sha256")[:length]

    shared = extract(kem, b"", b"eae_prk", key.exchange(X25519PublicKey.from_public_bytes(enc)))
    secret = expand(kem, shared, b"shared_secret", enc + key.public_key().public_bytes_raw(), 32)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    scheduled = extract(suite, secret, b"secret", b"")
    nonce = expand(suite, scheduled, b"base_nonce", context, 12)
    return AESGCM(expand(suite, scheduled, b"key", context, 32)).decrypt(nonce, box, None)


def open_segment(
    fek: bytes, scope: bytes, sealed: bytes, index: int, last: bool, data_length: int, segment_size: int
) -> bytes:
    place = scope + struct.pack(">QB", index, last)
    key = hkdf(fek, b"piccolo/seg/v1" + place, salt=sealed[:32])
    bound = place + struct.pack(">II", data_length, segment_size)
    return AESGCM(key).decrypt(bytes(12), sealed[32:], bound)[:data_length]


def unwrap(kek: bytes, wrapped: bytes, file_id: bytes, version_id: bytes) -> bytes:
    epoch, nonce, box = wrapped[:4], wrapped[4:28], wrapped[28:]
    bound = b"piccolo/fek/v1\x01" + epoch + file_id + version_id
    return crypto_aead_xchacha20poly1305_ietf_decrypt(box, bound, nonce, hkdf(kek, b"piccolo/key/fek/v1"))


def tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return digest("node", tree(leaves[:split]) + tree(leaves[split:]))


class FragmentFile:
    """A fragment file, its check and its root verified."""

    def __init__(self, data: bytes) -> None:
        assert data[:8] == b"PICFRAG\x01"
        assert data[-8:] == b"PICTAIL\x01"
        (size,) = struct.unpack(">I", data[8:12])
        self.header = cbor2.loads(data[12 : 12 + size])
        (trailer_size,) = struct.unpack(">I", data[-12:-8])
        trailer_at = len(data) - 44 - trailer_size
        trailer = cbor2.loads(data[trailer_at : trailer_at + trailer_size])
        record_at = trailer_at - trailer["record_length"]
        leaves_at = record_at - 32 * trailer["blocks"]
        covered = data[:512] + data[leaves_at : trailer_at + trailer_size] + struct.pack(">I", trailer_size)
        assert digest("fragment", covered) == data[-44:-12]
        self.commit = data[record_at:trailer_at]
        step, count = self.header["block_size"], trailer["blocks"]
        body = data[512:leaves_at]
        self.blocks = [body[number * step : (number + 1) * step] for number in range(count)]
        assert len(self.blocks[-1]) == trailer["last_block_size"]
        leaves = [digest("leaf", block) for block in self.blocks]
        sizes = struct.pack(">QII", count, step, trailer["last_block_size"])
        assert digest("root", sizes + tree(leaves)) == trailer["root"]
        self.root = trailer["root"]


def open_summary(kek: bytes, commit: bytes, vault_key: bytes) -> Any:
    outer, signers = verified("commit", commit)
    assert signers == [vault_key]
    suite, sealed_key, body = cbor2.loads(outer["sealed"])
    assert suite == 1
    private = hkdf(kek, b"piccolo/key/backup/v1")
    body_key = hpke_open(private, sealed_key, b"piccolo/sealed/summary/v1")
    length = len(body) - 48
    plain = open_segment(body_key, b"\x01" + bytes(32), body, 0, True, length, length)
    (size,) = struct.unpack(">I", plain[:4])
    summary = cbor2.loads(plain[4 : 4 + size])
    assert summary["type"] == "summary"
    assert all(summary[name] == outer[name] for name in ("owner", "generation", "seq"))
    return summary


def rebuild(layout: Any, files: Iterable[FragmentFile]) -> bytes:
    """Decode an object from any k of its fragment files."""
    ids = [layout["fragments"][at : at + 16] for at in range(0, 16 * layout["m"], 16)]
    have = {ids.index(file.header["fragment"]): file for file in files}
    for index, file in have.items():
        assert layout["roots"][32 * index : 32 * index + 32] == file.root
    chosen = sorted(have)[: layout["k"]]
    made, left = b"", layout["size"]
    decoder = zfec.Decoder(layout["k"], layout["m"])
    for number in range(len(have[chosen[0]].blocks)):
        blocks = decoder.decode([have[index].blocks[number] for index in chosen], chosen)
        length = min(layout["stripe_size"], left)
        made += b"".join(blocks)[:length]
        left -= length
    return made


def read_files(words: str, data: list[bytes], vault_key: bytes) -> dict[str, bytes]:
    """Bring back every file of an object, from the words and k or more fragment files."""
    kek = kek_of(words)
    fragments = [FragmentFile(each) for each in data]
    summary = open_summary(kek, fragments[0].commit, vault_key)
    layout, signers = verified("layout", summary["layout"])
    assert signers == [vault_key]
    whole = rebuild(layout, fragments)
    return {file["path"]: _read(kek, file, whole) for file in summary["files"]}


def _read(kek: bytes, file: Any, whole: bytes) -> bytes:
    content = cbor2.loads(file["content"])
    fek = unwrap(kek, file["key"], content["file"], content["version"])
    scope = b"\x01" + content["file"] + content["version"]
    assert hkdf(fek, b"piccolo/commit/v1" + scope) == content["commitment"]
    mac_key = hkdf(fek, b"piccolo/mac/v1" + scope)
    assert hmac.digest(mac_key, file["content"], "sha256") == file["mac"]
    sealed = whole[file["offset"] : file["offset"] + file["length"]]
    step, plain = content["segment_size"], b""
    for index in range(content["segments"]):
        segment = sealed[index * (step + 48) : (index + 1) * (step + 48)]
        data_length = max(0, min(len(segment) - 48, content["size"] - index * step))
        last = index == content["segments"] - 1
        plain += open_segment(fek, scope, segment, index, last, data_length, step)
    return plain


def read_log(words: str, entries: list[bytes]) -> list[tuple[Any, bytes]]:
    """Verify a backup log from the words alone; return each header and plaintext."""
    kek = kek_of(words)
    locator = public_key(hkdf(kek, b"piccolo/key/locator/v1"))
    private = hkdf(kek, b"piccolo/key/backup/v1")
    made: list[tuple[Any, bytes]] = []
    previous = None
    for seq, entry in enumerate(entries, 1):
        assert entry[:8] == b"PICBKUP\x01"
        (size,) = struct.unpack(">I", entry[8:12])
        signed, body = entry[12 : 12 + size], entry[12 + size :]
        header, signers = verified("entry", signed)
        delegation, delegators = verified("delegation", header["delegation"])
        assert delegators == [locator]
        assert signers == [delegation["key"]]
        assert (header["locator"], header["seq"], header["prev"]) == (locator, seq, previous)
        assert digest("body", body) == header["body_hash"]
        place = struct.pack(">QQ", header["generation"], seq)
        key = hpke_open(private, header["sealed_key"], b"piccolo/backup/v1" + locator + place)
        scope = b"\x01" + digest("backup", locator)[:16] + place
        plain = open_segment(key, scope, body, 0, True, len(body) - 48, 1_048_576)
        made.append((header, zlib.decompress(plain)))
        previous = digest("record", cbor2.loads(signed)[0])
    return made
