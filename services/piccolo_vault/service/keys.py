"""KeyService: opens what clients sealed, asks the custody, seals what goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo.vault.v1 import key_pb2 as pb
from piccolo.vault.v1 import key_pb2_grpc as wire
from piccolo_formats.client_seal import Purpose

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.recovering import Wish
from piccolo_vault.core.keys.witnesses import witness_words

if TYPE_CHECKING:
    from piccolo_vault.adapters.boot_key import BootKey
    from piccolo_vault.engine.keys.aftermath import Fence
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.disk_slot import DiskSlot
    from piccolo_vault.engine.keys.heads import HeadPost
    from piccolo_vault.engine.keys.recovery import Recovery
    from piccolo_vault.engine.keys.rotation import Rotation

NAME = "piccolo.vault.v1.KeyService"
_STATES = {
    # A device in the middle of a recovery has no key yet; `recovering` says so.
    Stage.EMPTY: pb.KEY_STATE_EMPTY,
    Stage.RECOVERING: pb.KEY_STATE_EMPTY,
    Stage.UNCONFIRMED: pb.KEY_STATE_UNCONFIRMED,
    Stage.LOCKED: pb.KEY_STATE_LOCKED,
    Stage.UNLOCKED: pb.KEY_STATE_UNLOCKED,
}


class KeyServicer(wire.KeyServiceServicer):
    """The keys, over the Unix socket."""

    def __init__(
        self,
        custody: Custody,
        recovery: Recovery,
        rotation: Rotation,
        fence: Fence,
        heads: HeadPost,
        disk: DiskSlot,
        boot_key: BootKey,
    ) -> None:
        self._custody, self._recovery, self._rotation = custody, recovery, rotation
        self._fence, self._heads, self._disk, self._boot_key = fence, heads, disk, boot_key

    async def GetKeyStatus(self, request: pb.GetKeyStatusRequest, context: Any) -> pb.GetKeyStatusResponse:
        """Where the keys are."""
        stage = self._custody.stage
        owned = stage in (Stage.LOCKED, Stage.UNLOCKED)
        return pb.GetKeyStatusResponse(
            state=_STATES[stage],
            retry_after=self._custody.retry_after,
            owner_id=self._custody.owner().owner if owned else b"",
            fenced=self._fence.words,
            ask=self._custody.asked if stage is Stage.UNCONFIRMED else (),
            recovering=_RECOVERING if stage is Stage.RECOVERING else "",
            rotating=self._rotation.words if owned else "",
        )

    async def GetBootKey(self, request: pb.GetBootKeyRequest, context: Any) -> pb.GetBootKeyResponse:
        """The key that clients seal to."""
        return pb.GetBootKeyResponse(public_key=self._boot_key.public)

    async def Setup(self, request: pb.SetupRequest, context: Any) -> pb.SetupResponse:
        """Makes the KEK; the words go back sealed."""
        passphrase = self._boot_key.open(Purpose.PASSPHRASE, request.passphrase)
        # A key that cannot be sealed to is refused before there are words that nobody could be shown.
        self._boot_key.seal(Purpose.WORDS, "", request.reply_key)
        shown = await self._custody.setup(passphrase)
        words = self._boot_key.seal(Purpose.WORDS, " ".join(shown.words), request.reply_key)
        return pb.SetupResponse(words=words, ask=shown.ask)

    async def ConfirmWords(self, request: pb.ConfirmWordsRequest, context: Any) -> pb.ConfirmWordsResponse:
        """Checks the three words."""
        await self._custody.confirm(self._boot_key.open(Purpose.CONFIRMATION, request.words))
        return pb.ConfirmWordsResponse()

    async def Unlock(self, request: pb.UnlockRequest, context: Any) -> pb.UnlockResponse:
        """Opens the KEK."""
        await self._custody.unlock(self._boot_key.open(Purpose.PASSPHRASE, request.passphrase))
        return pb.UnlockResponse()

    async def Lock(self, request: pb.LockRequest, context: Any) -> pb.LockResponse:
        """Forgets the KEK."""
        await self._custody.lock()
        return pb.LockResponse()

    async def VerifyPassphrase(
        self, request: pb.VerifyPassphraseRequest, context: Any
    ) -> pb.VerifyPassphraseResponse:
        """Tests a passphrase."""
        await self._custody.verify(self._boot_key.open(Purpose.PASSPHRASE, request.passphrase))
        return pb.VerifyPassphraseResponse()

    async def ChangePassphrase(
        self, request: pb.ChangePassphraseRequest, context: Any
    ) -> pb.ChangePassphraseResponse:
        """Wraps the KEK anew."""
        old = self._boot_key.open(Purpose.PASSPHRASE, request.old_passphrase)
        new = self._boot_key.open(Purpose.NEW_PASSPHRASE, request.new_passphrase)
        await self._custody.change(old, new)
        return pb.ChangePassphraseResponse()

    async def TestWords(self, request: pb.TestWordsRequest, context: Any) -> pb.TestWordsResponse:
        """Tests words."""
        words = self._boot_key.open(Purpose.WORDS, request.words)
        return pb.TestWordsResponse(match=self._custody.test_words(words))

    async def BeginRotation(self, request: pb.BeginRotationRequest, context: Any) -> pb.BeginRotationResponse:
        """Makes new words; they go back sealed."""
        passphrase = self._boot_key.open(Purpose.PASSPHRASE, request.passphrase)
        self._boot_key.seal(Purpose.WORDS, "", request.reply_key)
        shown = await self._rotation.begin(passphrase)
        words = self._boot_key.seal(Purpose.WORDS, " ".join(shown.words), request.reply_key)
        return pb.BeginRotationResponse(words=words, ask=shown.ask)

    async def ConfirmRotation(
        self, request: pb.ConfirmRotationRequest, context: Any
    ) -> pb.ConfirmRotationResponse:
        """Checks three of the new words; from then on the rotation goes on by itself."""
        words = self._boot_key.open(Purpose.CONFIRMATION, request.words)
        operation = await self._rotation.confirm(words, exposed=request.exposed)
        return pb.ConfirmRotationResponse(operation_id=operation)

    async def Recover(self, request: pb.RecoverRequest, context: Any) -> pb.RecoverResponse:
        """Begins a recovery, or goes on with one."""
        words = self._boot_key.open(Purpose.WORDS, request.words)
        passphrase = self._boot_key.open(Purpose.PASSPHRASE, request.passphrase)
        wish = Wish(
            seq=request.seq,
            name=request.device_name,
            accept_rolled_back=request.accept_rolled_back,
            contacts=request.contacts,
            from_circle=request.from_circle,
        )
        operation = await self._recovery.start(words, passphrase, wish)
        return pb.RecoverResponse(operation_id=operation)

    async def OpenDisk(self, request: pb.OpenDiskRequest, context: Any) -> pb.OpenDiskResponse:
        """Opens the data partition."""
        await self._disk.open(self._boot_key.open(Purpose.WORDS, request.words))
        return pb.OpenDiskResponse()

    async def GetWitnesses(self, request: pb.GetWitnessesRequest, context: Any) -> pb.GetWitnessesResponse:
        """Who knows of the backup."""
        seq, told, members = self._heads.told()
        words = witness_words(seq, told, members)
        return pb.GetWitnessesResponse(seq=seq, told=told, members=members, words=words)


_RECOVERING = (
    "A recovery was begun on this device and is not finished. Give the same 24 words again to go on with it."
)
