/**
 * Which question is asked before anybody is in: what the device knows decides, the visitor's wish chooses among what is
 * possible. So a reload, a second tab and the Back button all end where something can be done.
 */

export const STEPS = [
  "start",
  "name",
  "claim",
  "passphrase",
  "words",
  "confirm",
  "unconfirmed",
  "circle",
  "found",
  "join",
  "recover",
  "recover-claim",
  "recover-passphrase",
  "recover-ready",
  "recovery",
] as const;
export type Step = (typeof STEPS)[number];

export interface Facts {
  keys: "empty" | "unconfirmed" | "locked" | "unlocked";
  /** The device waits for the same words again. */
  recovering: boolean;
  /** This browser may watch a recovery that was begun here. */
  watching: boolean;
  /** Setting up needs the device's one-time code. */
  code: boolean;
  /** What was answered in this tab. */
  given: { name: boolean; code: boolean; words: boolean; backWords: boolean; backPassphrase: boolean };
}

const CIRCLE: readonly Step[] = ["circle", "found", "join"];
const BACK: readonly Step[] = ["recover", "recover-claim", "recover-passphrase", "recover-ready"];

/** The step to show to who asks for one, or for none in particular. */
export function stepOf(wish: string, facts: Facts): Step {
  const wished = (STEPS as readonly string[]).includes(wish) ? (wish as Step) : "start";
  if (facts.watching && !BACK.includes(wished) && !leaves(wish, facts)) return "recovery";
  if (facts.recovering || BACK.includes(wished)) return backStep(wished, facts);
  if (facts.keys === "unlocked" || facts.keys === "locked")
    return CIRCLE.includes(wished) ? wished : "circle";
  return setupStep(wished, facts);
}

/** Whether somebody turns away from a recovery that has changed nothing. */
function leaves(wish: string, { keys, recovering }: Facts): boolean {
  const blank = (keys === "empty" || keys === "unconfirmed") && !recovering;
  return blank && wish !== "recovery" && (STEPS as readonly string[]).includes(wish);
}

function setupStep(wished: Step, { keys, code, given }: Facts): Step {
  const shown = keys === "unconfirmed";
  if (shown && (wished === "confirm" || wished === "words"))
    return given.words ? wished : keptNothing(wished);
  const first = shown ? "unconfirmed" : "start";
  if (wished === "name") return "name";
  if (wished !== "claim" && wished !== "passphrase") return first;
  if (!given.name && !shown) return "name";
  return code && (wished === "claim" || !given.code) ? "claim" : "passphrase";
}

/** Words are shown once; that three of them are asked back outlives the page. */
function keptNothing(wished: Step): Step {
  return wished === "confirm" ? "confirm" : "unconfirmed";
}

function backStep(wished: Step, { code, given }: Facts): Step {
  const at = BACK.indexOf(wished);
  if (at <= 0 || !given.backWords) return "recover";
  if (code && (wished === "recover-claim" || !given.code)) return "recover-claim";
  return wished === "recover-ready" && given.backPassphrase ? "recover-ready" : "recover-passphrase";
}

/** How far a step is on its way, from 1; undefined for those that are no part of a way. */
export function progressOf(step: Step, code: boolean): { at: number; of: number } | undefined {
  const optional = code ? [] : ["claim", "recover-claim"];
  for (const way of [WAY, WAY_BACK]) {
    const steps = way.filter((one) => !optional.includes(one));
    const at = steps.indexOf(step);
    if (at >= 0) return { at: at + 1, of: steps.length };
  }
  return undefined;
}

const WAY: Step[] = ["name", "claim", "passphrase", "words", "confirm", "circle"];
const WAY_BACK: Step[] = ["recover", "recover-claim", "recover-passphrase", "recover-ready"];
