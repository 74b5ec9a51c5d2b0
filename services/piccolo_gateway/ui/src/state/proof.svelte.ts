/** Acts that want a fresh proof of who is here: asked for when the device asks, then done. */

import { answer, api, type Schemas } from "../api/client";
import { Problem } from "../api/problem";

class Proof {
  /** What has to be answered now; shown by the dialog of whoever shows pages. */
  challenge = $state.raw<Schemas["Challenge"]>();

  #settle: ((proven: boolean) => void) | undefined;

  /** Does an act; where the device wants a proof first, asks for it and does it again. */
  async fresh<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (failed) {
      if (!(failed instanceof Problem) || failed.reason !== "PROOF_NEEDED") throw failed;
      if (!(await this.#ask())) throw new Problem(0, "ABORTED", failed.detail);
      return await act();
    }
  }

  /** The challenge was answered, or given up. */
  settle(proven: boolean): void {
    this.challenge = undefined;
    this.#settle?.(proven);
    this.#settle = undefined;
  }

  async #ask(): Promise<boolean> {
    this.settle(false);
    this.challenge = await answer(api.POST("/api/v1/sessions/proof"));
    return new Promise((settle) => (this.#settle = settle));
  }
}

export const proof = new Proof();
