/** Which uploads are listed: what needs somebody first, then what moves, then what waits, then what is done. */

import type { Queue, Stage, Upload } from "../core/queue";

const RANK: Record<Stage, number> = { failed: 0, missing: 1, sending: 2, paused: 3, waiting: 4, done: 5 };
const MOST = 60;

/** Copies of the first ones, in that order. */
export function rowsOf(queue: Queue): Upload[] {
  const ranked: Upload[][] = [[], [], [], [], [], []];
  for (const one of queue) {
    const rank = ranked[RANK[one.stage]]!;
    if (rank.length < MOST) rank.push(one);
  }
  return ranked
    .flat()
    .slice(0, MOST)
    .map((one) => ({ ...one }));
}
