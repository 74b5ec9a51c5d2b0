/** Short words about what was just done, with a way back where there is one. */

export interface Toast {
  id: number;
  words: string;
  undo?: (() => void | Promise<void>) | undefined;
}

const SECONDS = 8;

class Toasts {
  shown = $state<Toast[]>([]);
  #next = 1;

  /** Shows words for some seconds; with `undo`, a button that takes back what they tell. */
  say(words: string, undo?: Toast["undo"]): void {
    const id = this.#next++;
    this.shown.push({ id, words, undo });
    setTimeout(() => this.close(id), SECONDS * 1000);
  }

  close(id: number): void {
    this.shown = this.shown.filter((one) => one.id !== id);
  }
}

export const toasts = new Toasts();
