/** How long a passphrase holds against guessing, in the units that people feel. */

export type Unit = "moment" | "minute" | "hour" | "day" | "month" | "year" | "century" | "ages";

const UNITS: [Unit, number][] = [
  ["minute", 60],
  ["hour", 3_600],
  ["day", 86_400],
  ["month", 2_629_800],
  ["year", 31_557_600],
  ["century", 3_155_760_000],
];
const AGES = 1e12;

/** A time as a count of its largest unit; `ages` beyond what a number says anything about. */
export function span(seconds: number): { unit: Unit; count: number } {
  if (seconds >= AGES) return { unit: "ages", count: 1 };
  const [unit, size] = UNITS.filter(([, least]) => seconds >= least).at(-1) ?? ["moment" as const, 1];
  return { unit, count: Math.max(1, Math.floor(seconds / size)) };
}

export type Fault = "" | "short" | "characters" | "common" | "trivial";

const SHORTEST = 8;

/** What the vault refuses without any list. */
export function plainFault(passphrase: string): Fault {
  const text = passphrase.normalize("NFKC");
  if (/[\p{Cc}\p{Cs}]/u.test(text)) return "characters";
  return [...text.trim()].length < SHORTEST ? "short" : "";
}
