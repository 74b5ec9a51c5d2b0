/** Out of the trash: back to its place, or gone for good. */

import { answer, api } from "../../api/client";
import type { Entry, Removed } from "../../api/files";
import { Problem } from "../../api/problem";
import { freeName } from "../../core/names";
import { join, nameOf, parentOf } from "../../core/paths";
import { restore } from "../files/acts.svelte";

const TRIES = 20;

/** Back to where it was; beside that, under a name with a number, where the name is taken now. */
export async function bringBack({ trash_id, entry }: Removed): Promise<Entry> {
  const taken = new Set<string>();
  for (;;) {
    const name = freeName(nameOf(entry.path), (one) => taken.has(one));
    try {
      return await restore(trash_id, taken.size ? join(parentOf(entry.path), name) : undefined);
    } catch (failed) {
      const inTheWay = failed instanceof Problem && failed.reason === "ENTRY_EXISTS";
      if (!inTheWay || taken.size >= TRIES) throw failed;
      taken.add(name);
    }
  }
}

/** Ends it for good, before its time is over: all of it, or nothing. */
export const endForGood = ({ trash_id }: Removed) =>
  answer(api.DELETE("/api/v1/trash/{trash_id}", { params: { path: { trash_id: String(trash_id) } } }));
