/**
 * One folder's entries, all of them, in the order that is shown. Pages are read in the background; what has come is
 * shown at once in the device's order, and put into the wanted one when it is whole.
 */

import { pages, type Entry } from "../../api/files";
import { Problem } from "../../api/problem";
import { comparing, sorting, type Order } from "../../core/order";
import { patient } from "../../core/patient";
import { i18n } from "../../i18n/i18n.svelte";
import { changes } from "../../state/changes";
import { live } from "../../state/events.svelte";

/* a refresh may take this share of the time at most: a large folder is not read without a pause */
const REST = 4;
const SETTLE = 200;

export class Folder {
  entries = $state.raw<readonly Entry[]>([]);
  /** Everything has been read once. */
  whole = $state(false);
  problem = $state.raw<Problem>();
  order = $state.raw<Order>({ by: "name", down: false });

  readonly paths = $derived(this.entries.map((entry) => entry.path));
  readonly folders = $derived(this.entries.filter((entry) => entry.kind === "directory").length);

  #asked = 0;
  #took = 0;
  #ended = 0;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly path: string) {}

  /** Reads it, and again after each change; returns what ends that. */
  watch(): () => void {
    void this.refresh();
    const ends = [changes.on(() => this.soon()), live.on("files", () => this.soon())];
    return () => {
      ends.forEach((end) => end());
      clearTimeout(this.#soon);
      this.#asked += 1;
    };
  }

  /** Reads it anew before long. */
  soon(): void {
    const rest = this.#ended + this.#took * REST - performance.now();
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.refresh(), Math.max(SETTLE, rest));
  }

  async refresh(): Promise<void> {
    const number = ++this.#asked;
    const began = performance.now();
    const all: Entry[] = [];
    try {
      for await (const { entries, end } of pages(this.path)) {
        if (number !== this.#asked) return;
        for (const entry of entries) all.push(entry);
        if (!this.whole && !end) this.entries = all.slice();
      }
      await this.#show(all, () => number === this.#asked);
      this.problem = undefined;
    } catch (failed) {
      if (number === this.#asked && failed instanceof Problem && !failed.aborted) this.problem = failed;
    } finally {
      this.#ended = performance.now();
      this.#took = this.#ended - began;
    }
  }

  /** Another order. */
  async sort(order: Order): Promise<void> {
    this.order = order;
    if (!this.whole) return;
    const number = this.#asked;
    await this.#show(this.entries, () => number === this.#asked && this.order === order);
  }

  /** What was just deleted or moved away is not shown until the device has told so too. */
  drop(paths: ReadonlySet<string>): void {
    this.entries = this.entries.filter((entry) => !paths.has(entry.path));
    this.soon();
  }

  async #show(all: readonly Entry[], wanted: () => boolean): Promise<void> {
    const order = this.order;
    const sorted = await patient(sorting(all, comparing(order, i18n.language)), wanted);
    if (!sorted || !wanted()) return;
    this.entries = sorted;
    this.whole = true;
    if (order !== this.order) await this.#show(all, wanted);
  }
}
