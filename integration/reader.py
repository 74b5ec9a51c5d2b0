"""Brings an owner's files back from the 24 words and the folders of keepers, and from nothing else.

Run as `python -m integration.reader words.txt new-folder keeper-folder [keeper-folder ...]`. Written from
docs/storage-format.md ALONE, and it must stay so: it imports nothing of ours, and 300 lines are enough. Where
the page does not tell how, the page is mended: it has to do for whoever has only that and the disks.

* Whatever proves itself is used; what is wrong with one thing is told, and keeps no other from being read.
* What was proven to its end, and nothing else, goes into the new folder: of every path the newest version to
  `files/<path>`, others and what can have no place there to `versions/<version>`, and `report.txt`.
"""

from __future__ import annotations

import hmac
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import pack
from typing import Any, Final

import cbor2
import zfec
from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mnemonic import Mnemonic
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as xchacha_open
from nacl.exceptions import CryptoError

_SAID: Final = {
    CryptoError: "its key is not wrapped under these words",
    InvalidSignature: "a signature is wrong",
    InvalidTag: "it is not sealed to these words, or is damaged",
}


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def why(problem: Exception) -> str:
    return _SAID.get(type(problem)) or str(problem) or type(problem).__name__


def digest(context: str, data: bytes) -> bytes:
    return blake3(data, derive_key_context=f"piccolo/{context}/v1").digest()


def hkdf(key: bytes, info: bytes, salt: bytes = b"") -> bytes:
    return hmac.digest(hmac.digest(salt, key, "sha256"), info + b"\1", "sha256")


def cbor(data: bytes) -> Any:
    value = cbor2.loads(data)
    check(cbor2.dumps(value, canonical=True) == data, "a record is not in deterministic CBOR")
    return value


def record(kind: str, data: bytes) -> dict[str, Any]:
    value = cbor(data)
    check((value["type"], value["v"]) == (kind, 1), f"a {kind} is of a version that is not known here")
    return dict(value)


def signed(kind: str, data: bytes) -> dict[str, Any]:
    """The record inside, once every signature is found right."""
    payload, signatures = cbor(data)
    keys = [key for key, _ in signatures]
    check(0 < len(keys) <= 64 and keys == sorted(set(keys)), f"a {kind} has no proper list of signers")
    for key, signature in signatures:
        message = f"piccolo/{kind}/v1\0".encode() + payload
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    return record(kind, payload)


class Words:  # section 2
    def __init__(self, text: str) -> None:
        words = " ".join(text.lower().split())
        check(words.count(" ") == 23 and Mnemonic("english").check(words), "these are not 24 recovery words")
        kek = bytes(Mnemonic("english").to_entropy(words))
        root = ed25519.Ed25519PrivateKey.from_private_bytes(hkdf(kek, b"piccolo/key/owner/v1"))
        self.owner = digest("owner-id", root.public_key().public_bytes_raw())
        self.backup = x25519.X25519PrivateKey.from_private_bytes(hkdf(kek, b"piccolo/key/backup/v1"))
        self.wrapping = hkdf(kek, b"piccolo/key/fek/v1")

    def unwrap(self, wrapped: bytes, suite: int, file: bytes, version: bytes) -> bytes:
        bound = b"piccolo/fek/v1" + bytes([suite]) + wrapped[:4] + file + version
        return xchacha_open(wrapped[28:], bound, wrapped[4:28], self.wrapping)


def padme(length: int) -> int:
    exponent = max(length.bit_length() - 1, 0)
    step = 1 << (exponent - exponent.bit_length()) if length > 1 else 1
    return -(-length // step) * step


def unseal(key: bytes, scope: bytes, place: tuple[int, bool, int, int], sealed: bytes) -> bytes:
    """One segment; its place is (index, last, data_length, segment_size) (section 3)."""
    bound = scope + pack(">QB", *place[:2])
    once = hkdf(key, b"piccolo/seg/v1" + bound, sealed[:32])
    return AESGCM(once).decrypt(bytes(12), sealed[32:], bound + pack(">II", *place[2:]))


def tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return digest("node", tree(leaves[:split]) + tree(leaves[split:]))


class Shelf:  # what the keepers hold, and what there is to say of it (section 8)
    def __init__(self) -> None:
        self.places, self.notes = defaultdict[bytes, list[Path]](list), set[str]()
        self.records = set[bytes]()

    def add(self, path: Path) -> None:
        try:
            self.records.add(path.read_bytes() if path.suffix else self._whole(path))
        except Exception as problem:
            self.notes.add(f"{path}: {why(problem)}; what is whole in it is used")

    def _whole(self, path: Path) -> bytes:
        self.places[bytes.fromhex(path.name)].append(path)
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as raw:
            check(raw[:8] == b"PICFRAG\1" and raw[-8:] == b"PICTAIL\1", "its beginning or its end is damaged")
            end = len(raw) - 44 - int.from_bytes(raw[-12:-8], "big")
            trailer = record("trailer", raw[end:-44])
            start = end - trailer["record_length"]
            checked = raw[:512] + raw[start - 32 * trailer["blocks"] : -44] + raw[-12:-8]
            check(digest("fragment", checked) == raw[-44:-12], "its check does not match")
            record("fragment", raw[12 : 12 + int.from_bytes(raw[8:12], "big")])
            return raw[start:end]

    def stands(self, version: Version) -> tuple[bool, int, int]:
        """Where a version stands among others: what is committed first, then by its own order."""
        live = any(path.parts[-4] == "live" for one in version.ids for path in self.places[one])
        return live, version.entry["generation"], version.entry["seq"]


class Object:
    """What is erasure-coded, out of the fragments at hand that prove themselves (sections 4 and 5)."""

    def __init__(self, layout: dict[str, Any], ids: list[bytes], shelf: Shelf) -> None:
        self.k, self.m, self.size, self.stripe = (layout[name] for name in ("k", "m", "size", "stripe_size"))
        check(0 < self.k <= self.m < 256 and self.size > 0 < self.stripe, "its layout makes no sense")
        self.stripes = -(-self.size // self.stripe)
        self.last = -(-(self.size - (self.stripes - 1) * self.stripe) // self.k)
        self.block = -(-self.stripe // self.k) if self.stripes > 1 else self.last
        self.shelf, self.sources = shelf, list[tuple[int, Path, list[bytes]]]()
        shape = pack(">QII", self.stripes, self.block, self.last)
        for index, path in [(index, path) for index, one in enumerate(ids) for path in shelf.places[one]]:
            with path.open("rb") as file:
                file.seek(512 + self.block * (self.stripes - 1) + self.last)
                leaves = list(iter(lambda: file.read(32), b""))[: self.stripes]
            if leaves and digest("root", shape + tree(leaves)) == layout["roots"][32 * index :][:32]:
                self.sources.append((index, path, leaves))
            else:
                shelf.notes.add(f"{path}: the hashes of its blocks are damaged; it is not used")

    def read(self, start: int, end: int) -> Iterator[bytes]:
        check(0 <= start < end <= self.size, "it lies outside of its object")
        for number in range(start // self.stripe, (end - 1) // self.stripe + 1):
            at, blocks = number * self.stripe, dict[int, bytes]()
            for index, path, leaves in self.sources:
                if len(blocks) < self.k and index not in blocks:
                    with path.open("rb") as file:
                        file.seek(512 + number * self.block)
                        block = file.read(self.last if number == self.stripes - 1 else self.block)
                    if digest("leaf", block) == leaves[number]:
                        blocks[index] = block
                    else:
                        self.shelf.notes.add(f"{path}: block {number} is damaged; it is not used")
            check(len(blocks) == self.k, f"it needs {self.k} fragments, and {len(blocks)} are here and whole")
            stripe = b"".join(zfec.Decoder(self.k, self.m).decode(list(blocks.values()), list(blocks)))
            yield stripe[: min(self.stripe, self.size - at)][max(0, start - at) : end - at]


class Version:
    """One version of one file, as one commit record places it (sections 6 and 7)."""

    def __init__(self, words: Words, summary: dict[str, Any], entry: dict[str, Any]) -> None:
        self.words, self.summary, self.entry = words, summary, entry
        self.layout, self.content = signed("layout", summary["layout"]), record("content", entry["content"])
        self.told, ids = (summary["generation"], summary["seq"]), self.layout["fragments"]
        self.ids = [ids[at : at + 16] for at in range(0, len(ids), 16)]

    def plaintext(self, shelf: Shelf) -> Iterator[bytes]:
        """The file, piece by piece, each proven."""
        content, entry, lone = self.content, self.entry, self.summary["kind"] == "file"
        suite, size, cut = content["suite"], content["size"], content["segment_size"]
        check(suite == self.layout["suite"] == 1, "it is sealed by a suite that is not known here")
        scope = bytes([suite]) + content["file"] + content["version"]
        key = self.words.unwrap(entry["key"], suite, content["file"], content["version"])
        mac = hmac.digest(hkdf(key, b"piccolo/mac/v1" + scope), entry["content"], "sha256")
        check(mac == entry["mac"], "its manifest is not its owner's")
        check(hkdf(key, b"piccolo/commit/v1" + scope) == content["commitment"], "its key is another one's")
        count, padded = content["segments"], padme(size) if lone else size
        check(entry["length"] == padded + 48 * count, "its place in its object is wrong")
        of = self.layout["object"]
        pack_key = key if lone else self.words.unwrap(self.summary["pack_key"], suite, of, of)
        layout_key = hkdf(pack_key, b"piccolo/layout/v1" + bytes([suite]) + of)
        prefix = b"piccolo/fragment/v1" + of + pack(">I", self.layout["epoch"])
        ids = [hmac.digest(layout_key, prefix + bytes([i]), "sha256")[:16] for i in range(self.layout["m"])]
        check(ids == self.ids, "its layout is not its owner's")
        whole = Object(self.layout, ids, shelf)
        pieces, held = whole.read(entry["offset"], entry["offset"] + entry["length"]), b""
        for index in range(count):
            length = min(cut, padded - index * cut)
            while len(held) < length + 48:
                held += next(pieces)
            sealed, held = held[: length + 48], held[length + 48 :]
            data = max(0, min(length, size - index * cut))
            yield unseal(key, scope, (index, index == count - 1, data, cut), sealed)[:data]


def opened(words: Words, commit: bytes) -> dict[str, Any]:
    """The summary in a commit record (section 7)."""
    around = signed("commit", commit)
    suite, key, body = cbor(around["sealed"])
    to_words = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    body_key = to_words.decrypt(key, words.backup, b"piccolo/sealed/summary/v1")
    padded = unseal(body_key, bytes([suite]) + bytes(32), (0, True, len(body) - 48, len(body) - 48), body)
    end = 4 + int.from_bytes(padded[:4], "big")
    check(padme(end) == len(padded) and not any(padded[end:]), "what was sealed has a wrong length")
    summary = record("summary", padded[4:end])
    check(all(summary[name] == around[name] for name in ("owner", "generation", "seq")), "it is another one")
    return summary


def gather(words: Words, stores: list[Path]) -> tuple[Shelf, list[list[Version]]]:
    """What the keepers hold, and every version that a commit record tells of, the newest first."""
    shelf, found = Shelf(), defaultdict[bytes, list[Version]](list)
    here = any((store / "live" / words.owner.hex()).is_dir() for store in stores)
    for store, state in [(store, state) for store in stores for state in ("live", "provisional")]:
        for path in sorted((store / state).glob(f"{words.owner.hex() if here else '*'}/??/*")):
            shelf.add(path)
    for data in shelf.records - {b""}:
        try:
            summary = opened(words, data)
            for version in [Version(words, summary, entry) for entry in summary["files"]]:
                found[version.content["version"]].append(version)
        except Exception as problem:
            shelf.notes.add(f"a commit record could not be opened: {why(problem)}")
    for one in found.values():
        one.sort(key=lambda version: version.told, reverse=True)
    return shelf, sorted(found.values(), key=lambda one: max(map(shelf.stands, one)), reverse=True)


def write(version: Version, shelf: Shelf, output: Path, taken: set[Path]) -> Path:
    """Writes a version whole, then gives it its place."""
    part, path = output / "part", version.entry["path"]
    with part.open("wb") as file:
        file.writelines(version.plaintext(shelf))
    with suppress(OSError, OverflowError):  # a time that this disk cannot have
        os.utime(part, (version.entry["modified"],) * 2)
    names = [name for name in path.split("/") if name]
    target = (output / "files").joinpath(*names)
    if names and target not in taken and not {".", ".."} & set(names):
        taken.add(target)
        with suppress(OSError, ValueError):  # a name that this disk cannot have, or below what is a file
            target.parent.mkdir(parents=True, exist_ok=True)
            return part.replace(target)
    return part.replace(output / "versions" / version.content["version"].hex())


def rebuild(text: str, output: Path, stores: list[Path]) -> tuple[str, int]:
    """Writes all that can be read; returns the report, and how many versions could not be read."""
    shelf, found = gather(Words(text), stores)
    (output / "versions").mkdir(parents=True)
    read, lost, taken = list[str](), list[str](), set[Path]()
    for records in found:
        name, reasons = repr(records[0].entry["path"]), dict[str, None]()
        for version in records:
            try:
                read.append(f"{name} is at {write(version, shelf, output, taken).relative_to(output)}")
                break
            except Exception as problem:
                reasons[why(problem)] = None
        else:
            lost.append(f"{name} CANNOT BE READ: {'; '.join(reasons)}")
    (output / "part").unlink(missing_ok=True)
    told = [*read, *sorted(shelf.notes), *lost, f"{len(read)} versions are read, {len(lost)} are not\n"]
    return "\n".join(told), len(lost)


if __name__ == "__main__":
    words, folder, *folders = map(Path, sys.argv[1:])
    report, failures = rebuild(words.read_text("utf-8"), folder, folders)
    (folder / "report.txt").write_text(report, "utf-8")
    sys.stdout.write(report)
    sys.exit(min(failures, 1))
