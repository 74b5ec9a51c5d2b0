/** The works that Home's matters begin: each runs once, however many matters it helps in. */

import { answer, api, type Schemas } from "../../api/client";
import type { Problem } from "../../api/problem";
import { cutOff, readRepair } from "../../core/checks";
import { i18n } from "../../i18n/i18n.svelte";
import { Acting } from "../../state/acting.svelte";
import { resource } from "../../state/resource.svelte";

export interface Work {
  readonly busy: boolean;
  /** Where it stands, in words; empty when it was not begun. */
  readonly told: string;
  /** Why it ended badly, where the device recorded a reason. */
  readonly failed: { reason: string; words: string } | undefined;
  /** Why it was refused. */
  readonly problem: Problem | undefined;
  begin(): Promise<void>;
  /** Forgets how it ended: what it was to help in is over. */
  forget(): void;
}

/* what says no more than that it did not come to its end, or speaks of a recovery */
const TELLS_NOTHING = new Set(["", "INTERRUPTED"]);

/** Made by a component, as a resource is. */
export class Repair implements Work {
  #acting = new Acting();
  #all = resource(
    () => answer(api.GET("/api/v1/operations", { params: { query: { page_size: 100 } } })),
    ["operation"],
  );
  /* the one that was begun here, or seen to run: its end is told, an older one's is not */
  #followed = $state("");
  #running = $derived(
    this.#all.value?.operations.find((one) => one.kind === "repair" && one.state === "running"),
  );
  #told = $derived(this.#all.value?.operations.find((one) => one.operation_id === this.#followed));

  constructor() {
    $effect(() => {
      if (this.#running) this.#followed = this.#running.operation_id;
    });
  }

  get busy() {
    return this.#acting.busy !== "" || this.#running !== undefined;
  }

  get told() {
    const t = i18n.t.home;
    if (this.busy) return t.repairing;
    if (!this.#told) return "";
    const ended = readRepair(this.#told);
    if (!ended) return cutOff(this.#told) ? i18n.t.backups.repairCutOff : t.repairFailed;
    const rebuilt = ended.repaired || !ended.waiting ? t.rebuilt(ended.repaired) : "";
    return `${rebuilt} ${ended.waiting ? t.waiting(ended.waiting) : ""}`.trim();
  }

  get failed() {
    const ended: Schemas["Operation"] | undefined = this.busy ? undefined : this.#told;
    if (!ended || TELLS_NOTHING.has(ended.error_reason)) return undefined;
    return { reason: ended.error_reason, words: ended.error_message };
  }

  get problem() {
    return this.#acting.problem;
  }

  async begin() {
    await this.#acting.run(async () => {
      const begun = await answer(api.POST("/api/v1/repair", { body: { now: true } }));
      this.#followed = begun.operation_id;
      await this.#all.refresh();
    });
  }

  forget() {
    this.#followed = "";
    this.#acting.problem = undefined;
  }
}

export class BackUp implements Work {
  #acting = new Acting();
  #done = $state(false);
  readonly failed = undefined;

  get busy() {
    return this.#acting.busy !== "";
  }

  get told() {
    if (this.busy) return i18n.t.home.backingUp;
    return this.#done ? i18n.t.home.backedUp : "";
  }

  get problem() {
    return this.#acting.problem;
  }

  async begin() {
    this.#done = false;
    this.#done = await this.#acting.run(() => answer(api.POST("/api/v1/backup/snapshot")));
  }

  forget() {
    this.#done = false;
    this.#acting.problem = undefined;
  }
}
