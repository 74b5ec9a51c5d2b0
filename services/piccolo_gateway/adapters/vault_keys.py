"""The vault's keys and membership over its socket."""

from __future__ import annotations

from typing import Final

from piccolo.vault.v1 import key_pb2 as pb
from piccolo.vault.v1 import membership_pb2
from piccolo.vault.v1.key_pb2_grpc import KeyServiceStub
from piccolo.vault.v1.membership_pb2_grpc import MembershipServiceStub
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.circle import Approved, Founded, Joined
from piccolo_gateway.core.bodies.device import KeyState, Recovery, Words
from piccolo_gateway.core.bodies.memory import Witnesses
from piccolo_gateway.ports.keys import KeyStatus

_STATES: Final[dict[int, KeyState]] = {
    pb.KEY_STATE_EMPTY: "empty",
    pb.KEY_STATE_UNCONFIRMED: "unconfirmed",
    pb.KEY_STATE_LOCKED: "locked",
    pb.KEY_STATE_UNLOCKED: "unlocked",
}
_ARGON_SECONDS: Final = 120.0
_CIRCLE_SECONDS: Final = 60.0
_JOIN_SECONDS: Final = 300.0
_DISK_SECONDS: Final = 150.0


class VaultKeys:
    """The owner's keys. Guesses of the passphrase wait for each other in the vault, so they get time."""

    def __init__(self, channel: Channel) -> None:
        self._stub = KeyServiceStub(channel)

    async def status(self) -> KeyStatus:
        """Where they are."""
        told = await self._stub.GetKeyStatus(pb.GetKeyStatusRequest())
        state = _STATES.get(told.state)
        if state is None:
            raise PiccoloError(Kind.UNAVAILABLE, "KEY_STATE_UNKNOWN", "The vault is of another release.")
        return KeyStatus(
            state, told.retry_after, tuple(told.ask), bool(told.recovering), told.fenced, told.rotating
        )

    async def boot_key(self) -> bytes:
        """The key that secrets are sealed to."""
        return (await self._stub.GetBootKey(pb.GetBootKeyRequest())).public_key

    async def setup(self, passphrase: bytes, reply_key: bytes) -> Words:
        """Makes an owner."""
        request = pb.SetupRequest(passphrase=passphrase, reply_key=reply_key)
        told = await self._stub.Setup(request, timeout=_ARGON_SECONDS)
        return Words(words=told.words, ask=list(told.ask))

    async def confirm(self, words: bytes) -> None:
        """Checks the three words asked back."""
        await self._stub.ConfirmWords(pb.ConfirmWordsRequest(words=words))

    async def unlock(self, passphrase: bytes) -> None:
        """Opens the files."""
        await self._stub.Unlock(pb.UnlockRequest(passphrase=passphrase), timeout=_ARGON_SECONDS)

    async def lock(self) -> None:
        """Closes the files."""
        await self._stub.Lock(pb.LockRequest())

    async def verify(self, passphrase: bytes) -> None:
        """Returns when the passphrase is right."""
        request = pb.VerifyPassphraseRequest(passphrase=passphrase)
        await self._stub.VerifyPassphrase(request, timeout=_ARGON_SECONDS)

    async def change(self, old: bytes, new: bytes) -> None:
        """Changes the passphrase."""
        request = pb.ChangePassphraseRequest(old_passphrase=old, new_passphrase=new)
        await self._stub.ChangePassphrase(request, timeout=_ARGON_SECONDS)

    async def test_words(self, words: bytes) -> bool:
        """Whether the words are this owner's."""
        return (await self._stub.TestWords(pb.TestWordsRequest(words=words))).match

    async def begin_rotation(self, passphrase: bytes, reply_key: bytes) -> Words:
        """Makes new words for this owner."""
        request = pb.BeginRotationRequest(passphrase=passphrase, reply_key=reply_key)
        told = await self._stub.BeginRotation(request, timeout=_ARGON_SECONDS)
        return Words(words=told.words, ask=list(told.ask))

    async def confirm_rotation(self, words: bytes, *, exposed: bool) -> str:
        """Checks three of the new words."""
        told = await self._stub.ConfirmRotation(pb.ConfirmRotationRequest(words=words, exposed=exposed))
        return told.operation_id

    async def open_disk(self, words: bytes) -> None:
        """Opens the device's data partition; the services start anew on it."""
        await self._stub.OpenDisk(pb.OpenDiskRequest(words=words), timeout=_DISK_SECONDS)

    async def witnesses(self) -> Witnesses:
        """Who knows of the newest backup."""
        told = await self._stub.GetWitnesses(pb.GetWitnessesRequest())
        return Witnesses(seq=told.seq, told=told.told, members=told.members, words=told.words)

    async def recover(self, asked: Recovery) -> str:
        """Begins to bring an owner back; returns the operation's id."""
        request = pb.RecoverRequest(
            words=asked.words,
            passphrase=asked.passphrase,
            seq=asked.seq,
            device_name=asked.device_name or "",
            accept_rolled_back=asked.accept_rolled_back,
            contacts=asked.contacts,
            from_circle=asked.from_circle,
        )
        return (await self._stub.Recover(request, timeout=_ARGON_SECONDS)).operation_id


class VaultMembership:
    """Circle life that needs the owner's keys."""

    def __init__(self, channel: Channel) -> None:
        self._stub = MembershipServiceStub(channel)

    async def found(self, device_name: str, *, at_risk: bool) -> Founded:
        """Starts a circle."""
        request = membership_pb2.FoundCircleRequest(device_name=device_name, at_risk=at_risk)
        told = await self._stub.FoundCircle(request, timeout=_CIRCLE_SECONDS)
        return Founded(circle_id=told.circle_id.hex())

    async def join(self, invitation: str, device_name: str) -> Joined:
        """Accepts an invitation, and waits until the roster names this device. Raises ADMINS_AWAY."""
        request = membership_pb2.JoinCircleRequest(invitation=invitation, device_name=device_name)
        try:
            told = await self._stub.JoinCircle(request, timeout=_JOIN_SECONDS)
        except PiccoloError as late:
            if late.kind is not Kind.TIMEOUT:
                raise
            words = (
                "The circle's admins have not let this device in yet: most of them must be on and unlocked."
            )
            raise PiccoloError(Kind.TIMEOUT, "ADMINS_AWAY", words) from late
        return Joined(circle_id=told.circle_id.hex(), members=told.members)

    async def approve(self, roster_hash: bytes) -> Approved:
        """Signs a proposal."""
        request = membership_pb2.ApproveProposalRequest(roster_hash=roster_hash)
        told = await self._stub.ApproveProposal(request, timeout=_CIRCLE_SECONDS)
        return Approved(wanted=told.wanted)
