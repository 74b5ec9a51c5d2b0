/** Which part of a long list has to be drawn. */

export interface Part {
  /** Of rows: the first that is drawn, and the one after the last. */
  first: number;
  end: number;
}

/** The rows around what is looked at; `above` is how much of the list lies above the window, negative: below its top. */
export function part(above: number, seen: number, rowSize: number, rows: number, spare = 8): Part {
  const top = Math.floor(above / rowSize) - spare;
  const bottom = Math.ceil((above + seen) / rowSize) + spare;
  const first = Math.min(Math.max(top, 0), rows);
  return { first, end: Math.max(first, Math.min(bottom, rows)) };
}
