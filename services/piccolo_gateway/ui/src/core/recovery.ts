/** A recovery as it is told of: from the device's phases to the stages that a person follows. */

export const STAGES = ["find", "fetch", "ask", "take", "newer"] as const;
export type Stage = (typeof STAGES)[number];

/* the beginnings of the phases that the device tells, in its own words */
const BEGINNINGS: [Stage, string[]][] = [
  ["find", ["Looking for your", "The cloud does not answer", "Reading the log"]],
  ["fetch", ["Fetching", "Putting", "Applying", "Restoring"]],
  ["ask", ["Asking the members whether"]],
  ["take", ["Asking the members to accept", "Telling the backup", "Sealing your key"]],
  ["newer", ["Asking the members what is newer", "Bringing back"]],
];

/** Where a phase belongs; undefined for one that belongs anywhere. */
export function stageOf(phase: string): Stage | undefined {
  return BEGINNINGS.find(([, texts]) => texts.some((text) => phase.startsWith(text)))?.[0];
}

/** "3 of 7" out of a phase's own words, where it counts what are no bytes. */
export function countIn(phase: string): { done: number; total: number } | undefined {
  const found = /(\d+) of (\d+)/.exec(phase);
  return found ? { done: Number(found[1]), total: Number(found[2]) } : undefined;
}

/** A restore point as it is typed: 0, the newest, when nothing is; undefined when it is no point's number. */
export function pointIn(text: string): number | undefined {
  const typed = text.trim();
  if (!typed) return 0;
  const point = /^\d+$/.test(typed) ? Number(typed) : 0;
  return point > 0 && Number.isSafeInteger(point) ? point : undefined;
}

/** Up to which point a damaged backup is whole, where the device's own words say so. */
export function wholeIn(words: string): string {
  return /whole up to entry (\d+)/.exec(words)?.[1] ?? "";
}

/** What came back, as the operation's result tells. */
export interface Outcome {
  files: number;
  circle: boolean;
  backup: "proven" | "unproven" | "withheld" | "rolled_back" | "circle";
  words: string;
  members?: number;
  heard?: number;
  brought?: number;
  left?: number;
  exposed?: "sealing" | "unknown";
}

/** The outcome in a result; undefined when it is none. */
export function outcomeIn(result: string): Outcome | undefined {
  try {
    const told: unknown = JSON.parse(result);
    return typeof told === "object" && told !== null && "files" in told ? (told as Outcome) : undefined;
  } catch {
    return undefined;
  }
}
