/** What is chosen in a list of paths, by hand, mouse and keys. Pure: every act gives a new choice. */

export interface Choice {
  readonly chosen: ReadonlySet<string>;
  /** Where the keys are. */
  readonly cursor: string | undefined;
  /** Where a stretch began. */
  readonly anchor: string | undefined;
}

export const NOTHING: Choice = { chosen: new Set(), cursor: undefined, anchor: undefined };

/** Only this one. */
export function only(path: string): Choice {
  return { chosen: new Set([path]), cursor: path, anchor: path };
}

/** This one in or out, the others as they were. */
export function toggled(choice: Choice, path: string): Choice {
  const chosen = new Set(choice.chosen);
  if (!chosen.delete(path)) chosen.add(path);
  return { chosen, cursor: path, anchor: path };
}

/** All from the anchor to this one, and nothing else. */
export function stretched(choice: Choice, path: string, order: readonly string[]): Choice {
  const to = order.indexOf(path);
  const from = choice.anchor === undefined ? -1 : order.indexOf(choice.anchor);
  if (from < 0 || to < 0) return only(path);
  const chosen = new Set(order.slice(Math.min(from, to), Math.max(from, to) + 1));
  return { chosen, cursor: path, anchor: choice.anchor };
}

export function all(choice: Choice, order: readonly string[]): Choice {
  return { ...choice, chosen: new Set(order) };
}

/** The cursor moves by so many places and stays in the list; `stretch` chooses what it passes, `keep` nothing. */
export function moved(
  choice: Choice,
  by: number,
  order: readonly string[],
  how: "only" | "stretch" | "keep",
): Choice {
  if (!order.length) return choice;
  const at = choice.cursor === undefined ? -1 : order.indexOf(choice.cursor);
  const wanted = (at < 0 && by < 0 ? order.length : at) + by;
  const path = order[Math.min(Math.max(wanted, 0), order.length - 1)]!;
  if (how === "stretch") return stretched(at < 0 ? only(path) : withAnchor(choice), path, order);
  return how === "keep" ? { ...choice, cursor: path } : only(path);
}

/** What is left of a choice after the list has changed. */
export function kept(choice: Choice, present: ReadonlySet<string>): Choice {
  const stays = (path: string | undefined) => (path !== undefined && present.has(path) ? path : undefined);
  return {
    chosen: new Set([...choice.chosen].filter((path) => present.has(path))),
    cursor: stays(choice.cursor),
    anchor: stays(choice.anchor),
  };
}

function withAnchor(choice: Choice): Choice {
  return choice.anchor === undefined ? { ...choice, anchor: choice.cursor } : choice;
}
