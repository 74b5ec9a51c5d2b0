/** What new words came to, out of the operation's result (JSON). */

/** The members that nobody waited for: what the old words open may lie there still. */
export function unreached(result: string): string[] {
  const told: unknown = result ? JSON.parse(result) : {};
  const names = typeof told === "object" && told !== null ? (told as { unreached?: unknown }).unreached : [];
  return Array.isArray(names) ? names.filter((one): one is string => typeof one === "string") : [];
}
