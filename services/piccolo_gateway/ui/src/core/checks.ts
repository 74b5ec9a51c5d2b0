/** Checks and repairs as the device records them. */

export interface Work {
  kind: string;
  state: string;
  result: string;
  error_message: string;
  error_reason: string;
}

export interface CheckResult {
  objects: number;
  damaged: number;
  lost: number;
  blocks_read: number;
  blocks_wrong: number;
  lost_files: string[];
}

/** What a check found, out of an operation that ended well; undefined for anything else. */
export function readCheck(work: Work): CheckResult | undefined {
  if (work.kind !== "check" || work.state !== "succeeded") return undefined;
  const told = JSON.parse(work.result) as Partial<CheckResult>;
  return {
    objects: told.objects ?? 0,
    damaged: told.damaged ?? 0,
    lost: told.lost ?? 0,
    blocks_read: told.blocks_read ?? 0,
    blocks_wrong: told.blocks_wrong ?? 0,
    lost_files: told.lost_files ?? [],
  };
}

/** What a repair did, out of an operation that ended well; undefined for anything else. */
export function readRepair(work: Work): { repaired: number; waiting: number } | undefined {
  if (work.kind !== "repair" || work.state !== "succeeded") return undefined;
  const told = JSON.parse(work.result) as { repaired?: number; waiting?: number };
  return { repaired: told.repaired ?? 0, waiting: told.waiting ?? 0 };
}

/** Whether work ended because the device was restarted in the middle of it. */
export function cutOff(work: Work): boolean {
  return work.state === "failed" && work.error_reason === "INTERRUPTED";
}

/** Reasons after which nobody knows whether a request came to its end: its answer was lost on the way. */
const UNKNOWN_END = new Set(["OFFLINE", "DEADLINE_EXCEEDED", "STOPPING", "IDEMPOTENCY_KEY_LOST"]);

export function endUnknown(reason: string): boolean {
  return UNKNOWN_END.has(reason);
}

/** The share that is done; the device tells the whole only at the end, `expected` until then. */
export function shareOf(work: { done: number; total: number }, expected: number): number | undefined {
  const whole = work.total || expected;
  return whole ? Math.min(1, work.done / whole) : undefined;
}
