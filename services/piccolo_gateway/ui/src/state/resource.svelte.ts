/** Something that the device knows, kept fresh while a screen shows it. */

import { Problem } from "../api/problem";
import { live } from "./events.svelte";

const SETTLE = 150;

export class Resource<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  loading = $state(false);

  #fetch: () => Promise<T>;
  #asked = 0;

  constructor(fetch: () => Promise<T>) {
    this.#fetch = fetch;
  }

  /** Asks anew; of answers that overtake each other the latest question's counts. */
  async refresh(): Promise<void> {
    const number = ++this.#asked;
    this.loading = true;
    try {
      const value = await this.#fetch();
      if (number === this.#asked) [this.value, this.problem] = [value, undefined];
    } catch (failed) {
      if (number === this.#asked && failed instanceof Problem && !failed.aborted) this.problem = failed;
    } finally {
      if (number === this.#asked) this.loading = false;
    }
  }
}

/**
 * A resource for the component that calls this: asked when it appears and after each event of the topics, and, where
 * the device tells of no change, every so many seconds while the tab is looked at.
 */
export function resource<T>(fetch: () => Promise<T>, topics: string[] = [], every = 0): Resource<T> {
  const made = new Resource(fetch);
  $effect(() => {
    void made.refresh();
    let soon: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      clearTimeout(soon);
      soon = setTimeout(() => void made.refresh(), SETTLE);
    };
    const ends = topics.map((topic) => live.on(topic, changed));
    const look = () => document.visibilityState === "visible" && void made.refresh();
    const timer = every ? setInterval(look, every * 1000) : undefined;
    document.addEventListener("visibilitychange", look);
    return () => {
      ends.forEach((end) => end());
      clearTimeout(soon);
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  });
  return made;
}
