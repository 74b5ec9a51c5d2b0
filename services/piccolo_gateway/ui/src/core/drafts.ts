/**
 * What people had typed into forms when their session ended, for the same form on the same page to take back.
 *
 * Each form names what may be kept of it, so nothing else ever is: no passphrase, recovery word, code or token. A form
 * is looked at only when a session ends, so one that was sent or closed by then leaves nothing behind; what was kept is
 * given out once.
 */

/** What a form would lose now; undefined while it is closed or untouched. */
export type Read = () => unknown;

export class Drafts {
  readonly #open = new Map<string, Read>();
  readonly #kept = new Map<string, unknown>();

  /** A form is there; returns what ends that. A form that took another's name is the one that counts. */
  watch(form: string, read: Read): () => void {
    this.#open.set(form, read);
    return () => {
      if (this.#open.get(form) === read) this.#open.delete(form);
    };
  }

  /** A session ends: keeps what stands in the forms of that page. */
  keep(page: string): void {
    for (const [form, read] of this.#open) {
      const value = read();
      if (value !== undefined) this.#kept.set(key(page, form), value);
    }
  }

  /** What was kept for a form on that page, once; undefined when there is nothing. */
  take(page: string, form: string): unknown {
    const value = this.#kept.get(key(page, form));
    this.#kept.delete(key(page, form));
    return value;
  }

  /** Whoever comes next is another person. */
  forget(): void {
    this.#kept.clear();
  }
}

function key(page: string, form: string): string {
  return JSON.stringify([page, form]);
}
