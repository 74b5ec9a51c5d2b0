/** Seconds until something may be tried again; moves once a second, and only while it counts. */

const SECOND = 1000;

export class Countdown {
  left = $state(0);

  #until = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Counts down from so many seconds, or not at all. */
  begin(seconds: number): void {
    clearInterval(this.#timer);
    this.#until = Date.now() + seconds * SECOND;
    this.#look();
    if (this.left > 0) this.#timer = setInterval(() => this.#look(), SECOND);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** Minutes and seconds, as a clock shows them. */
  get words(): string {
    return `${Math.floor(this.left / 60)}:${String(this.left % 60).padStart(2, "0")}`;
  }

  #look(): void {
    this.left = Math.max(0, Math.ceil((this.#until - Date.now()) / SECOND));
    if (this.left === 0) clearInterval(this.#timer);
  }
}

/** A countdown for the component that calls this. */
export function countdown(): Countdown {
  const made = new Countdown();
  $effect(() => () => made.end());
  return made;
}
