/** How quickly bytes go, over the last seconds, so that the figure is calm and yet true. */

const WINDOW = 8000;

export class Speed {
  #samples: { at: number; bytes: number }[] = [];
  #total = 0;

  /** So many more bytes went by `at` (milliseconds). A negative number: they have to be sent again. */
  add(bytes: number, at: number): void {
    this.#total += bytes;
    const last = this.#samples.at(-1);
    if (last && at - last.at < 250) last.bytes = this.#total;
    else this.#samples.push({ at, bytes: this.#total });
    while (this.#samples.length > 2 && this.#samples[0]!.at < at - WINDOW) this.#samples.shift();
  }

  /** Bytes per second; 0 while nobody can know. */
  perSecond(now: number): number {
    const [first] = this.#samples;
    if (!first || now - first.at < 500) return 0;
    return Math.max(0, ((this.#total - first.bytes) * 1000) / (now - first.at));
  }

  /** Seconds that so many bytes still need; undefined while nobody can know. */
  left(bytes: number, now: number): number | undefined {
    const rate = this.perSecond(now);
    return rate > 0 ? bytes / rate : undefined;
  }

  /** Nothing is under way any more. */
  clear(): void {
    this.#samples = [];
  }
}
