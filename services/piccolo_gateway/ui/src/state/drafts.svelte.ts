/** Forms that have what was typed into them again after a session has ended and a new one has begun. */

import { onDestroy, untrack } from "svelte";

import { Drafts } from "../core/drafts";
import { router } from "./router.svelte";

/*
 * In memory, not in sessionStorage: browsers write that to the disk to open a closed tab again, and what was typed is
 * to be gone with its tab. The price is that a page loaded anew has forgotten it.
 */
export const drafts = new Drafts();

/**
 * Keeps what stands in the form of the component that calls this while it is set up.
 *
 * @param form its name, with what it is about where a page has several.
 * @param read what may be kept, never a secret; undefined while the form is closed or untouched.
 * @param put brings it back: opens the form where it was open, and fills it.
 */
export function drafted<T>(form: string, read: () => T | undefined, put: (value: T) => void): void {
  const page = router.path;
  onDestroy(drafts.watch(form, () => $state.snapshot(read())));
  const value = drafts.take(page, form) as T | undefined;
  if (value !== undefined) untrack(() => put(value));
}
