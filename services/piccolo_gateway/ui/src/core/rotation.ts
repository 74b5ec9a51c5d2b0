/** What new words came to, out of the operation's result (JSON). */

interface Told {
  unreached?: unknown;
  unopened?: unknown;
}

function toldIn(result: string): Told {
  const told: unknown = result ? JSON.parse(result) : {};
  return typeof told === "object" && told !== null ? told : {};
}

/** How many pieces stay with the members that only the old words open. */
export function unopened(result: string): number {
  const count = toldIn(result).unopened;
  return typeof count === "number" ? count : 0;
}

/** The members that nobody waited for: what the old words open may lie there still. */
export function unreached(result: string): string[] {
  const names = toldIn(result).unreached;
  return Array.isArray(names) ? names.filter((one): one is string => typeof one === "string") : [];
}
