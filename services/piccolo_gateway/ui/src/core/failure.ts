/** What is told of a failure that nobody foresaw: a number to name it by, and its technical line. */

export interface Failure {
  incident: string;
  /** For whoever helps, not for whom it befell. */
  told: string;
}

const NUMBERS = 0x10000;

/** `page` is the first name of the address alone: the rest may name somebody's files. */
export function failureOf(error: unknown, page: string, now: Date, random: number): Failure {
  const incident = numberOf(error) || hex(random);
  return { incident, told: `${incident} ${now.toISOString()} /${page}\n${lines(error)}` };
}

/** The number under which the device itself has written it down. */
function numberOf(error: unknown): string {
  const known = error instanceof Error && "incident" in error ? error.incident : "";
  return typeof known === "string" ? known : "";
}

/** Four digits, to be read out on the telephone. */
function hex(random: number): string {
  return Math.floor(random * NUMBERS)
    .toString(16)
    .toUpperCase()
    .padStart(4, "0");
}

function lines(error: unknown): string {
  if (!(error instanceof Error)) return Object(error) === error ? "an object" : String(error);
  const first = `${error.name}: ${error.message}`;
  /* some browsers begin the stack with the error's own words, others do not */
  return error.stack?.startsWith(error.name) ? error.stack : [first, error.stack].filter(Boolean).join("\n");
}
