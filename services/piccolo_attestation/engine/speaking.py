"""What this device says of itself in the circle.

Rules:
* It signs its presence anew whenever what it would say is not what the circle has heard, but only while the
  certificate in force is the newest of its owner: a device that was replaced falls silent.
* Another word by its own key it contradicts once: a state that was put back from a copy meets what it said
  before. Contradicted again, it knows that a copy of this device speaks, which would go on for ever: it says
  nothing more until it is started again, and shows an alarm.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from piccolo_chassis.logs import fields
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.signed import Signed, sign

from piccolo_attestation.core.holders import Holder
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import Alarm, CircleView
from piccolo_attestation.engine.identity import Identity

_log = logging.getLogger(__name__)


class Speaking:
    """This device's presence."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._contradicted = b""
        self._copied: Device | None = None

    def presence(self, device: Device, seq: int) -> Signed[Presence]:
        """What the device of this certificate, which is this one, says of itself now."""
        return sign(self._presence(device, seq), self._identity.own.signing)

    def spoken(self, before: TrustedCircle | None, trusted: TrustedCircle) -> TrustedCircle:
        """The circle after this device has said who it is and where, if it may and has not yet.

        `before` is the circle as this device knew it until now.
        """
        certificate = self._identity.certificate
        if certificate is None:
            return trusted
        trusted.merge([certificate.to_bytes()])
        mine = self._mine(trusted)
        if mine is None or self._is_as_said(mine):
            return trusted
        if before is not None:
            self._listen(self._mine(before), mine)
        if self._copied != certificate.record:
            seq = mine.presence.record.seq + 1 if mine.presence else 1
            trusted.add_presence(self.presence(certificate.record, seq).to_bytes())
        return trusted

    def alarmed(self, view: CircleView) -> CircleView:
        """The view with the alarm that a copy of this device speaks, if one does."""
        device = self._copied
        member = view.member(device.owner) if device else None
        if device is None or member is None or member.generation != device.generation:
            return view
        alarm = Alarm("DEVICE_TWICE", member.number, device.generation)
        return view if alarm in view.alarms else replace(view, alarms=(*view.alarms, alarm))

    def _listen(self, before: Holder | None, now: Holder) -> None:
        """Notes that somebody else has spoken with this device's key, and said something else."""
        said = now.presence.record_hash() if now.presence else b""
        known = before.presence.record_hash() if before and before.presence else b""
        if said in (b"", known, self._contradicted):
            return
        if self._contradicted:
            self._copied = now.device.record
        self._contradicted = said
        told = fields(generation=now.generation, silent=self._copied is not None)
        _log.warning("another device speaks with this one's key", extra=told)

    def _mine(self, trusted: TrustedCircle) -> Holder | None:
        certificate = self._identity.certificate
        holders = trusted.holders(certificate.record.owner) if certificate else ()
        return next((holder for holder in holders if holder.device == certificate), None)

    def _is_as_said(self, mine: Holder) -> bool:
        said = mine.presence.record if mine.presence else None
        return said is not None and self._presence(mine.device.record, said.seq) == said

    def _presence(self, device: Device, seq: int) -> Presence:
        return Presence(
            circle=device.circle,
            owner=device.owner,
            generation=device.generation,
            seq=seq,
            name=self._identity.name(device),
            endpoints=(self._identity.endpoint,) if self._identity.endpoint else (),
            offer=self._identity.offer,
        )
