"""Members' fragment-stores as witnesses of the backup log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo.fragment_store.v1 import claim_pb2 as pb
from piccolo.fragment_store.v1 import fragment_pb2_grpc as wire

from piccolo_vault.adapters.dialled import SECONDS, ask

if TYPE_CHECKING:
    from piccolo_chassis.calls import Channel

    from piccolo_vault.core.circle import Member
    from piccolo_vault.ports.promises import DialIdentity


class DialledWitnesses:
    """`Witnesses` over mTLS."""

    async def keep_head(self, member: Member, identity: DialIdentity, head: bytes, device: bytes) -> None:
        """Leaves a head with one member."""
        request = pb.KeepHeadRequest(head=pb.KeptHead(head=head, device=device))

        async def question(channel: Channel) -> None:
            await wire.FragmentServiceStub(channel).KeepHead(request, timeout=SECONDS)

        await ask(member, identity, question)

    async def heads(self, member: Member, identity: DialIdentity) -> list[tuple[bytes, bytes]]:
        """Asks one member for what it keeps."""

        async def question(channel: Channel) -> list[tuple[bytes, bytes]]:
            answer = await wire.FragmentServiceStub(channel).GetHeads(pb.GetHeadsRequest(), timeout=SECONDS)
            return [(each.head, each.device) for each in answer.heads]

        return await ask(member, identity, question)
