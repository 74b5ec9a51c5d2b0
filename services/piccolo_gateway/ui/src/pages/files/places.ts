/** How far down one was in each folder, for those who come back to it. */

class Places {
  #seen = new Map<string, number>();

  /** Notes it while a folder is shown; returns what ends that. */
  keep(path: string): () => void {
    const note = () => this.#seen.set(path, scrollY);
    addEventListener("scroll", note, { passive: true });
    return () => removeEventListener("scroll", note);
  }

  restore(path: string): void {
    const top = this.#seen.get(path);
    if (top) scrollTo(0, top);
  }
}

export const places = new Places();
