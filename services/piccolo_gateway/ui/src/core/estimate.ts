/** How long work still takes, from how fast it went lately. */

interface Sample {
  time: number;
  done: number;
}

const WINDOW = 30;
const LEAST = 3;

export class Estimate {
  #samples: Sample[] = [];

  /** Notes how much is done at a time, in seconds; work that begins anew is measured anew. */
  note(time: number, done: number): void {
    const last = this.#samples.at(-1);
    if (last && (done < last.done || time < last.time)) this.#samples = [];
    this.#samples.push({ time, done });
    this.#samples = this.#samples.filter((one) => time - one.time <= WINDOW);
  }

  /** Seconds until a total is reached; undefined while nobody can say. */
  left(total: number): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.time - first.time < LEAST || last.done <= first.done) return undefined;
    const rate = (last.done - first.done) / (last.time - first.time);
    return Math.max(0, total - last.done) / rate;
  }
}
