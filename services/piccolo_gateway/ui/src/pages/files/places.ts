/** How far down one was in each folder, for those who come back to it. */

class Places {
  #seen = new Map<string, number>();

  /** Notes it while a folder is shown; returns what ends that. */
  keep(path: string): () => void {
    const note = () => this.#seen.set(path, scrollY);
    /* before the list hears of it: asked after it has changed its rows, the browser lays them out there and then */
    const early = { passive: true, capture: true };
    addEventListener("scroll", note, early);
    return () => removeEventListener("scroll", note, early);
  }

  restore(path: string): void {
    const top = this.#seen.get(path);
    if (top) scrollTo(0, top);
  }
}

export const places = new Places();
