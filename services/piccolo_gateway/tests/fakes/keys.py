"""The vault's keys in memory: real sealing, a passphrase kept as it is."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final

from piccolo.vault.v1 import key_pb2 as pb
from piccolo.vault.v1 import key_pb2_grpc as wire
from piccolo.vault.v1 import membership_pb2, membership_pb2_grpc
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.client_seal import Purpose, open_text, seal_text
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import SealingKey

from piccolo_gateway.tests.fakes.circle import FakeCircle
from piccolo_gateway.tests.fakes.memory import FakeOperations

Context = Any
WORDS: Final = " ".join(f"word{number}" for number in range(1, 25))
NEW_WORDS: Final = " ".join(f"newword{number}" for number in range(1, 25))
ASK: Final = (3, 11, 20)
_DELAY: Final = 4.0


class FakeKeys(wire.KeyServiceServicer):
    """The owner's keys. `delay` is what the next passphrase must wait."""

    def __init__(self, operations: FakeOperations) -> None:
        self._operations = operations
        self._boot = SealingKey.generate(secrets.token_bytes)
        self.state: pb.KeyState.ValueType = pb.KEY_STATE_EMPTY
        self.passphrase = ""
        self.delay = 0.0
        self.setups = 0
        self.recovered = pb.RecoverRequest()
        self.offered = self.exposed = self.disk_opened = False
        self.fenced = ""

    def set_up(self, passphrase: str) -> None:
        """An owner, unlocked."""
        self.passphrase, self.state = passphrase, pb.KEY_STATE_UNLOCKED

    def require_unlocked(self) -> None:
        """Refuses what needs the KEK."""
        if self.state == pb.KEY_STATE_LOCKED:
            raise PiccoloError(Kind.LOCKED, "LOCKED", "This device is locked. Unlock it.")
        if self.state != pb.KEY_STATE_UNLOCKED:
            raise PiccoloError(Kind.PRECONDITION, "NOT_SET_UP", "This device has no owner yet.")

    async def GetKeyStatus(
        self, request: pb.GetKeyStatusRequest, context: Context
    ) -> pb.GetKeyStatusResponse:
        ask = ASK if self.state == pb.KEY_STATE_UNCONFIRMED else ()
        return pb.GetKeyStatusResponse(state=self.state, retry_after=self.delay, ask=ask, fenced=self.fenced)

    async def GetBootKey(self, request: pb.GetBootKeyRequest, context: Context) -> pb.GetBootKeyResponse:
        return pb.GetBootKeyResponse(public_key=self._boot.public)

    async def Setup(self, request: pb.SetupRequest, context: Context) -> pb.SetupResponse:
        if self.state not in (pb.KEY_STATE_EMPTY, pb.KEY_STATE_UNCONFIRMED):
            raise PiccoloError(Kind.PRECONDITION, "ALREADY_SET_UP", "This device has an owner already.")
        passphrase = self._open(Purpose.PASSPHRASE, request.passphrase)
        try:
            words = seal_text(Purpose.WORDS, WORDS, request.reply_key)
        except FormatError as refused:
            raise PiccoloError(Kind.INVALID, "REPLY_KEY", "The reply key is none.") from refused
        self.passphrase, self.state = passphrase, pb.KEY_STATE_UNCONFIRMED
        self.setups += 1
        return pb.SetupResponse(words=words, ask=ASK)

    async def ConfirmWords(
        self, request: pb.ConfirmWordsRequest, context: Context
    ) -> pb.ConfirmWordsResponse:
        if self.state != pb.KEY_STATE_UNCONFIRMED:
            raise PiccoloError(Kind.PRECONDITION, "ALREADY_CONFIRMED", "The words are confirmed already.")
        said = self._open(Purpose.CONFIRMATION, request.words).split()
        if said != [WORDS.split()[at - 1] for at in ASK]:
            raise PiccoloError(Kind.INVALID, "WORDS_DIFFER", "This is not what the device showed.")
        self.state = pb.KEY_STATE_UNLOCKED
        return pb.ConfirmWordsResponse()

    async def Unlock(self, request: pb.UnlockRequest, context: Context) -> pb.UnlockResponse:
        self._guess(request.passphrase)
        self.state = pb.KEY_STATE_UNLOCKED
        return pb.UnlockResponse()

    async def Lock(self, request: pb.LockRequest, context: Context) -> pb.LockResponse:
        self.require_owner()
        self.state = pb.KEY_STATE_LOCKED
        return pb.LockResponse()

    async def VerifyPassphrase(
        self, request: pb.VerifyPassphraseRequest, context: Context
    ) -> pb.VerifyPassphraseResponse:
        self._guess(request.passphrase)
        return pb.VerifyPassphraseResponse()

    async def ChangePassphrase(
        self, request: pb.ChangePassphraseRequest, context: Context
    ) -> pb.ChangePassphraseResponse:
        self._guess(request.old_passphrase)
        self.passphrase = self._open(Purpose.NEW_PASSPHRASE, request.new_passphrase)
        return pb.ChangePassphraseResponse()

    async def TestWords(self, request: pb.TestWordsRequest, context: Context) -> pb.TestWordsResponse:
        self.require_owner()
        return pb.TestWordsResponse(match=self._open(Purpose.WORDS, request.words) == WORDS)

    async def OpenDisk(self, request: pb.OpenDiskRequest, context: Context) -> pb.OpenDiskResponse:
        if self._open(Purpose.WORDS, request.words) != WORDS:
            raise PiccoloError(Kind.INVALID, "DISK_WORDS_WRONG", "These words do not open the data.")
        self.disk_opened = True
        return pb.OpenDiskResponse()

    async def GetWitnesses(
        self, request: pb.GetWitnessesRequest, context: Context
    ) -> pb.GetWitnessesResponse:
        return pb.GetWitnessesResponse(seq=7, told=2, members=3, words="2 of 3 members know of it.")

    async def BeginRotation(
        self, request: pb.BeginRotationRequest, context: Context
    ) -> pb.BeginRotationResponse:
        self.require_unlocked()
        self._guess(request.passphrase)
        self.offered = True
        return pb.BeginRotationResponse(words=seal_text(Purpose.WORDS, NEW_WORDS, request.reply_key), ask=ASK)

    async def ConfirmRotation(
        self, request: pb.ConfirmRotationRequest, context: Context
    ) -> pb.ConfirmRotationResponse:
        self.require_unlocked()
        if not self.offered:
            raise PiccoloError(Kind.PRECONDITION, "NO_NEW_WORDS", "No new words wait to be confirmed.")
        said = self._open(Purpose.CONFIRMATION, request.words).split()
        if said != [NEW_WORDS.split()[at - 1] for at in ASK]:
            raise PiccoloError(Kind.INVALID, "WORDS_DIFFER", "This is not what the device showed.")
        self.offered, self.exposed = False, request.exposed
        return pb.ConfirmRotationResponse(operation_id=await self._operations.start("rotate"))

    async def Recover(self, request: pb.RecoverRequest, context: Context) -> pb.RecoverResponse:
        if self.state != pb.KEY_STATE_EMPTY:
            raise PiccoloError(Kind.PRECONDITION, "NOT_BLANK", "This device has an owner already.")
        if self._open(Purpose.WORDS, request.words) != WORDS:
            raise PiccoloError(Kind.INVALID, "WORDS_UNKNOWN", "No backup belongs to these words.")
        self.recovered = request
        self.set_up(self._open(Purpose.PASSPHRASE, request.passphrase))
        return pb.RecoverResponse(operation_id=await self._operations.start("recover"))

    def require_owner(self) -> None:
        """Refuses what needs an owner."""
        if self.state == pb.KEY_STATE_EMPTY:
            raise PiccoloError(Kind.PRECONDITION, "NOT_SET_UP", "This device has no owner yet.")

    def _guess(self, sealed: bytes) -> None:
        self.require_owner()
        given = self._open(Purpose.PASSPHRASE, sealed)
        if self.delay:
            raise PiccoloError(
                Kind.EXHAUSTED,
                "PASSPHRASE_DELAY",
                "Too many wrong ones.",
                {"retry_after": f"{self.delay:.3f}"},
            )
        if given != self.passphrase:
            self.delay = _DELAY
            raise PiccoloError(
                Kind.UNAUTHENTICATED,
                "PASSPHRASE_WRONG",
                "This is not the passphrase.",
                {"retry_after": f"{self.delay:.3f}"},
            )

    def _open(self, purpose: Purpose, sealed: bytes) -> str:
        try:
            return open_text(purpose, sealed, self._boot)
        except (AuthenticationError, FormatError) as closed:
            raise PiccoloError(
                Kind.INVALID, "SEALED_WRONG", f"The {purpose} was not sealed to this key."
            ) from closed


class FakeMembership(membership_pb2_grpc.MembershipServiceServicer):
    """Circle life, without signatures."""

    def __init__(self, keys: FakeKeys, circle: FakeCircle) -> None:
        self._keys, self._circle = keys, circle

    async def FoundCircle(
        self, request: membership_pb2.FoundCircleRequest, context: Context
    ) -> membership_pb2.FoundCircleResponse:
        self._keys.require_unlocked()
        await self._circle.found(request.device_name)
        return membership_pb2.FoundCircleResponse(circle_id=self._circle.circle_id)

    async def JoinCircle(
        self, request: membership_pb2.JoinCircleRequest, context: Context
    ) -> membership_pb2.JoinCircleResponse:
        self._keys.require_unlocked()
        self._circle.check_invitation(request.invitation)
        if self._circle.admins_away:
            await asyncio.Event().wait()
        await self._circle.found(request.device_name)
        return membership_pb2.JoinCircleResponse(circle_id=self._circle.circle_id, members=2)

    async def ApproveProposal(
        self, request: membership_pb2.ApproveProposalRequest, context: Context
    ) -> membership_pb2.ApproveProposalResponse:
        self._keys.require_unlocked()
        if request.roster_hash not in self._circle.proposals:
            raise PiccoloError(Kind.NOT_FOUND, "NO_PROPOSAL", "There is no such proposal.")
        return membership_pb2.ApproveProposalResponse(wanted=0)
