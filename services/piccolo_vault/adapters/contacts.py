"""Members' attestation services, through their peers' ports, as printed contacts tell of them.

The certificate is fetched first, compared with the contact's mark, then pinned: only the call itself proves
that the member has its key. One exchange is repeated until nothing new comes; it brings nothing. Whoever
has no end is not believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from piccolo.attestation.v1 import peer_pb2 as pb
from piccolo.attestation.v1 import peer_pb2_grpc as wire
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.shown import shown_certificate
from piccolo_formats import cbor
from piccolo_formats.contacts import mark_of
from piccolo_formats.errors import FormatError
from piccolo_formats.records.codec import record_hash
from piccolo_formats.tls import certificate_fingerprint

from piccolo_vault.adapters.dialled import dial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.contacts import Contact

    from piccolo_vault.ports.promises import DialIdentity

_CONNECT_SECONDS: Final = 8.0
_SECONDS: Final = 30.0
_ROUNDS: Final = 64
_PREFIX: Final = 16
_MOST_BYTES: Final = 16 * 1024 * 1024  # twice what the largest circle knows of itself


class DialledContacts:
    """`Contacted` over mTLS."""

    async def records(self, contact: Contact, identity: DialIdentity) -> Sequence[bytes]:
        """Returns all records of the circle that a member knows."""
        certificate = await _certificate(contact)
        found: dict[bytes, bytes] = {}
        async with dial(contact.endpoint, certificate, contact.endpoint, identity) as channel:
            stub = wire.PeerServiceStub(channel)
            for _ in range(_ROUNDS):
                answer = await stub.Gossip(pb.GossipRequest(have=list(found)), timeout=_SECONDS)
                new = {_hash(record): record for record in _records(answer.bundle)}
                if not new.keys() - found.keys():
                    break
                found |= new
                if sum(map(len, found.values())) > _MOST_BYTES:
                    raise PiccoloError(
                        Kind.UNAVAILABLE, "CONTACT_WRONG", "A member told more than a circle can know."
                    )
        return list(found.values())


async def _certificate(contact: Contact) -> bytes:
    try:
        shown = await shown_certificate(contact.endpoint, _CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as away:
        raise PiccoloError(
            Kind.UNAVAILABLE, "CONTACT_AWAY", f"Nobody can be reached at {contact.endpoint}."
        ) from away
    if mark_of(certificate_fingerprint(shown)) != contact.mark:
        raise PiccoloError(
            Kind.DENIED,
            "SERVER_FOREIGN",
            f"At {contact.endpoint} another device answers than the one whose contact was printed.",
        )
    return shown


def _records(bundle: bytes) -> list[bytes]:
    if not bundle:
        return []
    try:
        value = cbor.decode(bundle)
    except FormatError as wrong:
        raise _unreadable() from wrong
    if not isinstance(value, list):
        raise _unreadable()
    return [record for record in value if isinstance(record, bytes)]


def _hash(record: bytes) -> bytes:
    """The beginning of a record's hash, by which peers name it."""
    try:
        outer = cbor.decode(record)
    except FormatError as wrong:
        raise _unreadable() from wrong
    payload = outer[0] if isinstance(outer, list) and outer else None
    if not isinstance(payload, bytes):
        raise _unreadable()
    return record_hash(payload)[:_PREFIX]


def _unreadable() -> PiccoloError:
    return PiccoloError(Kind.UNAVAILABLE, "CONTACT_WRONG", "What a member told of the circle cannot be read.")
