"""Members' fragment-stores, dialled with the identity that the words give, for one question: Claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo.fragment_store.v1 import claim_pb2 as pb
from piccolo.fragment_store.v1 import fragment_pb2_grpc as wire

from piccolo_vault.adapters.dialled import SECONDS, ask
from piccolo_vault.ports.promises import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_chassis.calls import Channel

    from piccolo_vault.core.circle import Member
    from piccolo_vault.ports.promises import DialIdentity


class DialledPromisers:
    """`Promisers` over mTLS."""

    async def claim(
        self,
        member: Member,
        identity: DialIdentity,
        claim: bytes,
        device: bytes,
        successors: Sequence[bytes] = (),
    ) -> Answer:
        """Asks one member at its endpoints in turn; raises PiccoloError UNAVAILABLE when none answers."""
        request = pb.ClaimRequest(claim=claim, device=device, successors=successors)

        async def question(channel: Channel) -> Answer:
            answer = await wire.FragmentServiceStub(channel).Claim(request, timeout=SECONDS)
            return Answer(promise=answer.promise, fenced_by=answer.fenced_by)

        return await ask(member, identity, question)
