/** One act at a time of a component: whether it runs, and what went wrong. */

import { Problem } from "../api/problem";

export class Acting {
  /** What runs: the act's name, or empty. */
  busy = $state("");
  problem = $state.raw<Problem>();

  /** Does something; returns whether it was done. What was given up leaves no problem behind. */
  async run(work: () => Promise<unknown>, name = "it"): Promise<boolean> {
    if (this.busy) return false;
    this.busy = name;
    this.problem = undefined;
    try {
      await work();
      return true;
    } catch (failed) {
      if (!(failed instanceof Problem)) throw failed;
      if (!failed.aborted) this.problem = failed;
      return false;
    } finally {
      this.busy = "";
    }
  }
}
