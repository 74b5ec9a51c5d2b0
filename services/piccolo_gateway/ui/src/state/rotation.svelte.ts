/** Making new recovery words: what was chosen and shown, in this tab's memory only; the operation outlives a reload. */

import { answer, api } from "../api/client";
import { replyKey, seal } from "../api/seal";
import { proof } from "./proof.svelte";

const KEY = "piccolo.rotation";

class Rotation {
  exposed = $state(false);
  words = $state.raw<string[]>([]);
  ask = $state.raw<number[]>([]);
  asking = $state(false);
  /** The operation that this tab began or found. */
  operation = $state(sessionStorage.getItem(KEY) ?? "");

  /** Has new words made, which hold nothing yet. */
  async offer(passphrase: string): Promise<void> {
    const reply = await replyKey();
    const made = await proof.fresh(async () =>
      answer(
        api.POST("/api/v1/words/rotation", {
          body: { passphrase: await seal("passphrase", passphrase), reply_key: reply.publicKey },
        }),
      ),
    );
    this.words = (await reply.open(made.words)).split(" ");
    this.ask = made.ask;
    this.asking = false;
  }

  /** Gives three of them back; from then on the device puts them in force. */
  async confirm(said: string): Promise<void> {
    const body = { words: await seal("confirmation", said), exposed: this.exposed };
    const { operation_id } = await answer(api.POST("/api/v1/words/rotation/confirm", { body }));
    this.follow(operation_id);
    this.forget();
  }

  follow(operation: string): void {
    this.operation = operation;
    if (operation) sessionStorage.setItem(KEY, operation);
    else sessionStorage.removeItem(KEY);
  }

  /** Forgets what was shown. */
  forget(): void {
    this.words = [];
    this.ask = [];
    this.asking = false;
    this.exposed = false;
  }
}

export const rotation = new Rotation();
