/** The ring: members as points on a circle, this device in its middle, a file's fragments as arcs beside them. */

export type Standing = "proven" | "unproven" | "rebuilding" | "gone";

/** Where a member's point lies, for a ring of a radius around the origin; the first is at the top. */
export function point(index: number, of: number, radius: number): { x: number; y: number } {
  const angle = (index / Math.max(of, 1)) * 2 * Math.PI - Math.PI / 2;
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}

/** An SVG path of the arc beside member `index` of `of`, covering `share` of its part of the ring. */
export function arc(index: number, of: number, radius: number, share = 0.62): string {
  const [from, to] = ends(index, of, share);
  return `M${spot(from, radius)}A${radius} ${radius} 0 0 1 ${spot(to, radius)}`;
}

/** An SVG path around the same arc, `width` wide, with round ends. */
export function outline(index: number, of: number, radius: number, width: number, share = 0.62): string {
  const [from, to] = ends(index, of, share);
  const [outer, inner, end] = [radius + width / 2, radius - width / 2, width / 2];
  return (
    `M${spot(from, outer)}A${outer} ${outer} 0 0 1 ${spot(to, outer)}A${end} ${end} 0 0 1 ${spot(to, inner)}` +
    `A${inner} ${inner} 0 0 0 ${spot(from, inner)}A${end} ${end} 0 0 1 ${spot(from, outer)}Z`
  );
}

/** The angles between which a member's arc lies. */
function ends(index: number, of: number, share: number): [number, number] {
  const step = (2 * Math.PI) / Math.max(of, 1);
  const half = (Math.min(step, Math.PI) * share) / 2;
  const middle = index * step - Math.PI / 2;
  return [middle - half, middle + half];
}

function spot(angle: number, radius: number): string {
  return `${round(radius * Math.cos(angle))} ${round(radius * Math.sin(angle))}`;
}

export interface Label {
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
  /** From the member's point to its name, where the name does not stand beside it. */
  leader?: string;
}

/** How large names are written, in the ring's own units, and how many signs of one fit beside it. */
export interface Type {
  size: number;
  signs: number;
}
export const TYPES = {
  /** Where the picture is wide. */
  fine: { size: 12, signs: 16 },
  /** Where it is as narrow as a phone, and no name may become too small to be read. */
  large: { size: 19, signs: 11 },
} as const satisfies Record<string, Type>;

/** Half the width and height of a ring with names beside it. */
export const NAMED = { width: 256, height: 152 };

/** Names stand beside their points up to this many members; beyond, in two columns. */
export const BESIDE = 12;
const NAME_RADIUS = 134;
const COLUMN = 156;
const COLUMN_HEIGHT = 268;

/** Where a member's name is written so that no two names meet, for a ring of radius 100. */
export function label(index: number, of: number, size: number = TYPES.fine.size): Label {
  if (of > BESIDE) return inColumn(index, of);
  const at = point(index, of, 1);
  const anchor = Math.abs(at.x) < 0.1 ? "middle" : at.x > 0 ? "start" : "end";
  return { x: round(at.x * NAME_RADIUS), y: round(at.y * (NAME_RADIUS + 3) + size / 3), anchor };
}

function inColumn(index: number, of: number): Label {
  const right = Math.ceil(of / 2);
  const onRight = index < right;
  const [count, row] = onRight ? [right, index] : [of - right, of - 1 - index];
  const y = round((row / (count - 1) - 0.5) * COLUMN_HEIGHT);
  const side = onRight ? 1 : -1;
  const from = point(index, of, 127);
  const leader = `M${round(from.x)} ${round(from.y)}L${side * (COLUMN - 5)} ${y}`;
  return { x: side * COLUMN, y: y + 4, anchor: onRight ? "start" : "end", leader };
}

/** A name that fits beside the ring; the whole of it is said elsewhere. */
export function short(name: string, most: number = TYPES.fine.signs): string {
  const signs = [...name];
  return signs.length > most
    ? `${signs
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`
    : name;
}

/** How many more of the present holders may fall before a file cannot be read; negative: so many must come back. */
export function bears(holders: readonly number[], fallen: ReadonlySet<number>, k: number): number {
  const each = new Map<number, number>();
  for (const holder of holders) if (!fallen.has(holder)) each.set(holder, (each.get(holder) ?? 0) + 1);
  const kept = [...each.values()].sort((a, b) => b - a);
  let left = kept.reduce((sum, one) => sum + one, 0);
  if (left < k) return left - k;
  let lost = 0;
  for (const most of kept) {
    if (left - most < k) break;
    left -= most;
    lost += 1;
  }
  return lost;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
