/** What is chosen in the folder that is shown, and where the keys are. */

import type { Entry } from "../../api/files";
import { all, kept, moved, NOTHING, only, stretched, toggled, type Choice } from "../../core/selection";
import { nameOf } from "../../core/paths";
import type { Folder } from "./folder.svelte";

const TYPED = 900;

export class Choosing {
  choice = $state.raw<Choice>(NOTHING);

  readonly entries = $derived.by<readonly Entry[]>(() => {
    const { chosen } = this.choice;
    return chosen.size ? this.#folder.entries.filter((entry) => chosen.has(entry.path)) : [];
  });
  readonly at = $derived.by(() => {
    const { cursor } = this.choice;
    return cursor === undefined ? -1 : this.#folder.paths.indexOf(cursor);
  });

  readonly #folder: Folder;
  #typed = "";
  #typedAt = 0;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  has(path: string): boolean {
    return this.choice.chosen.has(path);
  }

  only(path: string): void {
    this.choice = only(path);
  }

  toggle(path: string): void {
    this.choice = toggled(this.choice, path);
  }

  stretch(path: string): void {
    this.choice = stretched(this.choice, path, this.#folder.paths);
  }

  all(): void {
    this.choice = all(this.choice, this.#folder.paths);
  }

  none(): void {
    this.choice = { ...this.choice, chosen: new Set() };
  }

  /** Keeps what is still there. */
  prune(): void {
    const { chosen, cursor } = this.choice;
    if (chosen.size || cursor !== undefined) this.choice = kept(this.choice, new Set(this.#folder.paths));
  }

  /** A press with the mouse, as file managers take it. */
  press(path: string, event: MouseEvent): void {
    if (event.shiftKey) this.stretch(path);
    else if (event.metaKey || event.ctrlKey) this.toggle(path);
    else this.only(path);
  }

  /** Moves and chooses by keys; whether the key was one of these. */
  key(event: KeyboardEvent, columns: number, page: number): boolean {
    const many = event.ctrlKey || event.metaKey;
    const by = steps(columns, page)[event.key];
    if (by !== undefined) {
      const how = event.shiftKey ? "stretch" : many ? "keep" : "only";
      this.choice = moved(this.choice, by, this.#folder.paths, how);
      return true;
    }
    if (many && event.key.toLowerCase() === "a") this.all();
    else if (event.key === " " && this.choice.cursor !== undefined) this.toggle(this.choice.cursor);
    else if (event.key === "Escape" && this.choice.chosen.size) this.none();
    else return !many && !event.altKey && this.#type(event.key);
    return true;
  }

  /** Letters go to the first name that begins with them. */
  #type(key: string): boolean {
    if ([...key].length !== 1 || key === " ") return false;
    const now = performance.now();
    this.#typed = (now - this.#typedAt < TYPED ? this.#typed : "") + key.toLowerCase();
    this.#typedAt = now;
    const found = this.#folder.paths.find((path) => nameOf(path).toLowerCase().startsWith(this.#typed));
    if (found !== undefined) this.only(found);
    return true;
  }
}

function steps(columns: number, page: number): Record<string, number> {
  const rows = { ArrowDown: columns, ArrowUp: -columns, PageDown: page, PageUp: -page };
  const ends = { Home: -Infinity, End: Infinity };
  return columns > 1 ? { ...rows, ...ends, ArrowRight: 1, ArrowLeft: -1 } : { ...rows, ...ends };
}
