/** How good a passphrase is, judged in this browser against the lists of stolen ones that come with the page. */

import { plainFault, type Fault } from "../core/guessing";

export interface Strength {
  fault: Fault;
  /** 0 to 4, as zxcvbn scores. */
  score: number;
  /** Seconds that a guesser needs who has the device's disk: 10,000 guesses a second, which is many for Argon2id. */
  seconds: number;
}

/* a million guesses: below, it is on the lists or follows from them */
const LEAST_SCORE = 2;

async function judge() {
  const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs }] = await Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
  ]);
  return new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
}

let judging: ReturnType<typeof judge> | undefined;

/** Judges a passphrase; `known` are words that a guesser tries first, such as the device's name. */
export async function strength(passphrase: string, known: string[] = []): Promise<Strength> {
  judging ??= judge().catch((failed: unknown) => {
    judging = undefined; // the device was away: the next letter asks again
    throw failed;
  });
  const found = (await judging).check(passphrase.slice(0, 128), ["piccolo", ...known]);
  const seconds = Number(found.crackTimes.offlineSlowHashingXPerSecond.seconds);
  const fault = plainFault(passphrase) || (found.score < LEAST_SCORE ? faultOf(found.sequence) : "");
  return { fault, score: found.score, seconds };
}

function faultOf(sequence: { pattern: string }[]): Fault {
  return sequence.some((part) => part.pattern === "dictionary") ? "common" : "trivial";
}
