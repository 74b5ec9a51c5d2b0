/** What a dialog that stays in its page does when it opens. */

import { untrack } from "svelte";

/**
 * Does something each time that a dialog opens, and only then: what it reads is told anew with every change in the
 * circle, and that must not take away what somebody is typing.
 */
export function whenOpened(open: () => boolean, begin: () => void): void {
  $effect(() => {
    if (open()) untrack(begin);
  });
}
