/** Which of the names that shall be written exist already. */

import { pages, unlessMissing } from "../api/files";
import { parentOf } from "../core/paths";

/** The paths of all entries beside those that shall be written; directories that are not there are not asked for. */
export async function existing(paths: string[]): Promise<Set<string>> {
  const folders = [...new Set(paths.map(parentOf))].sort((one, other) => one.length - other.length);
  const absent = new Set<string>();
  const found = new Set<string>();
  for (const folder of folders) {
    if (absent.has(parentOf(folder)) || !(await unlessMissing(list(folder, found)))) absent.add(folder);
  }
  return found;
}

async function list(folder: string, into: Set<string>): Promise<true> {
  for await (const { entries } of pages(folder)) for (const entry of entries) into.add(same(entry.path));
  return true;
}

/** The form of a path in which equal names are equal: systems write "ü" in two ways. */
export function same(path: string): string {
  return path.normalize("NFC");
}
