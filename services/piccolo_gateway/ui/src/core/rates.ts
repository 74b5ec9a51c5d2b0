/** What a machine did between two looks at its counters. */

export interface Counts {
  time: number;
  busy_seconds: number;
  idle_seconds: number;
  received_bytes: number;
  sent_bytes: number;
}

export interface Rates {
  /** The share of all processors' time that was used, 0 to 1. */
  busy: number;
  /** Bytes a second. */
  received: number;
  sent: number;
}

/** Rates between two looks; undefined when the second is not later, or the machine started anew between them. */
export function rates(before: Counts | undefined, after: Counts): Rates | undefined {
  if (!before) return undefined;
  const seconds = after.time - before.time;
  const busy = after.busy_seconds - before.busy_seconds;
  const idle = after.idle_seconds - before.idle_seconds;
  const received = after.received_bytes - before.received_bytes;
  const sent = after.sent_bytes - before.sent_bytes;
  if (seconds <= 0 || Math.min(busy, idle, received, sent) < 0) return undefined;
  const processor = busy + idle;
  return { busy: processor ? busy / processor : 0, received: received / seconds, sent: sent / seconds };
}
