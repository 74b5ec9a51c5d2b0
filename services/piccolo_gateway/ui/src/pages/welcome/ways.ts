/** How the steps follow each other: the address says which one is asked for. */

import { stepOf, type Facts, type Step } from "../../core/welcome";
import { beginning } from "../../state/beginning.svelte";
import { router } from "../../state/router.svelte";
import { session } from "../../state/session.svelte";

/** What decides the step. */
export function facts(): Facts {
  const status = session.status;
  return {
    keys: status?.keys ?? "empty",
    recovering: status?.recovering ?? false,
    watching: session.watching,
    code: status?.claim === "code",
    given: beginning.given,
  };
}

/** The step that is shown. */
export function present(): Step {
  return stepOf(router.query.get("at") ?? "", facts());
}

export function go(step: Step): void {
  router.go(`/welcome?at=${step}`);
}

/** The way in has ended: from here on the device shows itself. */
export async function enter(): Promise<void> {
  beginning.forget();
  router.go("/", { replace: true });
  await session.begun();
}
