/** Which part of a long list has to be drawn. */

export interface Part {
  /** Of rows: the first that is drawn, and the one after the last. */
  first: number;
  end: number;
}

/** The rows around what is looked at; `above` is how much of the list lies above the window, negative: below its top. */
export function part(above: number, seen: number, rowSize: number, rows: number, spare: number): Part {
  const top = Math.floor(above / rowSize) - spare;
  const bottom = Math.ceil((above + seen) / rowSize) + spare;
  const first = Math.min(Math.max(top, 0), rows);
  return { first, end: Math.max(first, Math.min(bottom, rows)) };
}

/** Where a row is drawn: the slot keeps its nodes, whatever row it shows. */
export interface Slot {
  readonly key: number;
  readonly row: number;
}

/**
 * The slots of the rows from `first` to before `end`, in their order. A row that stays keeps its slot, and the very
 * object; one that is new takes the slot of one that has gone, since what is drawn costs far less to change than to make.
 */
export function placed(before: readonly Slot[], first: number, end: number): readonly Slot[] {
  const stays = new Map<number, Slot>();
  const free: number[] = [];
  let unused = 0;
  for (const slot of before) {
    if (slot.row >= first && slot.row < end) stays.set(slot.row, slot);
    else free.push(slot.key);
    unused = Math.max(unused, slot.key + 1);
  }
  free.reverse();
  return Array.from({ length: end - first }, (_, at) => {
    const row = first + at;
    return stays.get(row) ?? { key: free.pop() ?? unused++, row };
  });
}
