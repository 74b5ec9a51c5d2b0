/** How the device goes down, and comes back where it does: shown in place of every page until then. */

import { answer, api } from "../api/client";
import { Problem } from "../api/problem";

export type Act = "restart" | "shutdown" | "reset";

const LOOK = 2000;
const PATIENCE = 8000;

class Ending {
  /** What the device was asked for; undefined while it runs as ever. */
  act = $state<Act>();
  /** Whether it did not answer since. */
  gone = $state(false);

  /** Asks for an end, and waits until the device is another one than it was; a Problem of the asking is the caller's. */
  async begin(act: Act, ask: () => Promise<unknown>): Promise<void> {
    const before = await this.#key();
    await ask();
    this.gone = false;
    this.act = act;
    this.#watch(before);
  }

  #watch(before: string | undefined): void {
    setTimeout(() => {
      void this.#key().then((now) => {
        if (now === undefined) this.gone = true;
        const another = before === undefined ? this.gone : now !== before;
        if (now !== undefined && another) location.assign("/");
        else this.#watch(before);
      });
    }, LOOK);
  }

  /** The key that the device makes at each start; undefined when it does not answer. */
  async #key(): Promise<string | undefined> {
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      return (await answer(api.GET("/api/v1/boot-key", { signal }))).public_key;
    } catch (failed) {
      if (!(failed instanceof Problem)) throw failed;
      return undefined;
    }
  }
}

export const ending = new Ending();
