/** Tells the screens of this tab that names or contents have changed by something that was done here. */

type Hearer = () => void;

class Changes {
  #hearers = new Set<Hearer>();

  /** Calls a hearer after each change; returns what ends that. */
  on(hearer: Hearer): () => void {
    this.#hearers.add(hearer);
    return () => this.#hearers.delete(hearer);
  }

  tell(): void {
    this.#hearers.forEach((hear) => hear());
  }
}

export const changes = new Changes();
