/**
 * The order of a folder's entries: folders first, then by name as people count ("2" before "10"), size or time.
 *
 * Sorting is a natural merge sort that pauses: a hundred thousand names take longer than a frame, and what the device
 * sends is nearly in order already.
 */

export type By = "name" | "size" | "modified";
export interface Order {
  by: By;
  down: boolean;
}
export interface Sorted {
  path: string;
  kind: string;
  size: number;
  modified: number;
}
type Compare<T> = (one: T, other: T) => number;

/** Compares as the order says; equal ones by name, and names that people take for equal by their code. */
export function comparing(order: Order, language: string): Compare<Sorted> {
  const names = new Intl.Collator(language, { numeric: true, sensitivity: "variant" });
  const sign = order.down ? -1 : 1;
  const byName = (one: Sorted, other: Sorted) =>
    names.compare(one.path, other.path) || (one.path < other.path ? -1 : one.path > other.path ? 1 : 0);
  return (one, other) => {
    if (one.kind !== other.kind) return one.kind === "directory" ? -1 : 1;
    if (order.by === "name") return sign * byName(one, other);
    return sign * (one[order.by] - other[order.by]) || byName(one, other);
  };
}

/** Sorts; yields after about every `step` comparisons, and returns a new array. */
export function* sorting<T>(items: readonly T[], compare: Compare<T>, step = 2000): Generator<void, T[]> {
  let done = 0;
  let from = items.slice();
  let ends = runs(from, compare);
  yield;
  let to = new Array<T>(from.length);
  while (ends.length > 1) {
    const merged: number[] = [];
    for (let run = 0; run < ends.length; run += 2) {
      const start = run ? ends[run - 1]! : 0;
      const middle = ends[run]!;
      const end = ends[run + 1] ?? middle;
      for (let left = start, right = middle, at = start; at < end || (at < middle && end === middle); at++) {
        const takeLeft = left < middle && (right >= end || compare(from[left]!, from[right]!) <= 0);
        to[at] = takeLeft ? from[left++]! : from[right++]!;
        if (++done % step === 0) yield;
      }
      merged.push(end);
    }
    [from, to] = [to, from];
    ends = merged;
  }
  return from;
}

/** Sorts at once: for what is short. */
export function sorted<T>(items: readonly T[], compare: Compare<T>): T[] {
  return items.slice().sort(compare);
}

/** Where the ascending runs end. */
function runs<T>(items: readonly T[], compare: Compare<T>): number[] {
  const ends: number[] = [];
  for (let at = 1; at < items.length; at++) if (compare(items[at - 1]!, items[at]!) > 0) ends.push(at);
  if (items.length) ends.push(items.length);
  return ends;
}
