/** The services' Python, for tests of what they may tell. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const SERVICES = join(import.meta.dirname, "../../..");

/** The code of a part of a service by file, without its tests. */
export function shipped(part: string): Map<string, string> {
  const files = readdirSync(join(SERVICES, part), { recursive: true, encoding: "utf8" });
  const code = files.filter(
    (name) => /\.py$/.test(name) && !/(^|\/)(tests?|testing|ui|dav)(\/|\.py)/.test(name),
  );
  return new Map(code.map((name) => [name, readFileSync(join(SERVICES, part, name), "utf8")]));
}
