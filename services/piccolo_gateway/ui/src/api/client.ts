/** The gateway's API, typed by its own document; every failure is a Problem. */

import createClient from "openapi-fetch";

import { toAddress } from "../core/paths";
import { Problem, problemOf } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: "same-origin",
  pathSerializer: (template, values) =>
    template.replace(/\{(\w+)\}/g, (_, name: string) =>
      name === "path" ? toAddress(String(values[name])) : encodeURIComponent(String(values[name])),
    ),
});

type Listener = (problem: Problem) => void;
const listeners = new Set<Listener>();

/** Tells of every problem before it reaches its caller: sessions that end, a device that locks. */
export function onProblem(listener: Listener): void {
  listeners.add(listener);
}

/** The answer's body. Raises Problem, with reason OFFLINE when nothing answers. */
export async function answer<T>(
  asked: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  try {
    const { data, error, response } = await asked;
    if (response.ok) return data as T;
    throw problemOf(response, error);
  } catch (failed) {
    const problem = failed instanceof Problem ? failed : Problem.offline(failed);
    if (!problem.aborted) listeners.forEach((tell) => tell(problem));
    throw problem;
  }
}

/** The address of a file's bytes; of an older version when one is named. */
export function fileAddress(path: string, version?: string): string {
  return `/api/v1/files/${toAddress(path)}${version ? `?version=${version}` : ""}`;
}
