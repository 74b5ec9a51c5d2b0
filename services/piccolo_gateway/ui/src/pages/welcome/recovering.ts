/** Begins a recovery with what was answered, or goes on with the one that was begun. */

import { answer, api } from "../../api/client";
import { seal } from "../../api/seal";
import { pointIn } from "../../core/recovery";
import { beginning } from "../../state/beginning.svelte";
import { session } from "../../state/session.svelte";

export async function recover({ accept = false } = {}): Promise<void> {
  const { backName, contacts, fromCircle, point } = beginning;
  const body = {
    words: await seal("words", beginning.backWords.join(" ")),
    passphrase: await seal("passphrase", beginning.backPassphrase),
    seq: fromCircle ? 0 : (pointIn(point) ?? 0),
    claim_code: beginning.code,
    contacts,
    from_circle: fromCircle,
    accept_rolled_back: accept || beginning.accepted,
    ...(backName ? { device_name: backName } : {}),
  };
  await answer(api.POST("/api/v1/recovery", { body }));
  await session.recovering();
}

/** Whether all that is needed is still at hand; after a reload it is not. */
export function canRecover(): boolean {
  return beginning.given.backWords && beginning.given.backPassphrase;
}
