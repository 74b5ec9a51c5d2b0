/** The audit log as people read it: by days and by kinds. Pure: the present is an argument. */

export interface Event {
  number: number;
  time: number;
  actor: string;
  action: string;
  subject: string;
  outcome: string;
  details: string;
  hash: string;
}

export const KINDS = ["access", "files", "circle", "care", "device", "other"] as const;
export type Kind = (typeof KINDS)[number];

const KIND_OF: Record<string, Kind> = {
  session: "access",
  token: "access",
  factor: "access",
  file: "files",
  share: "files",
  dav: "files",
  circle: "circle",
  home: "circle",
  store: "care",
  backup: "care",
  keeping: "care",
  operation: "care",
  recovery: "care",
  device: "device",
  settings: "device",
  vault: "device",
  support: "device",
  network: "device",
};

/** What kind of act it was, by the first word of its action. */
export function kindOf(action: string): Kind {
  return KIND_OF[action.split(".")[0] ?? ""] ?? "other";
}

export interface Filter {
  kind: Kind | "all";
  outcome: "all" | "ok" | "failed";
  text: string;
  /** The first and the last day, as a date field has them (YYYY-MM-DD); empty is no bound. */
  from: string;
  to: string;
}

/** What is chosen when nothing is: everything. */
export const ALL: Filter = { kind: "all", outcome: "all", text: "", from: "", to: "" };

/** Whether something is left out. */
export function narrows(filter: Filter): boolean {
  return (
    filter.text.trim() !== "" ||
    (Object.keys(ALL) as (keyof Filter)[]).some((key) => key !== "text" && filter[key] !== ALL[key])
  );
}

/** As far as the device itself can choose. */
export interface Asked {
  outcome?: string;
  since?: number;
  until?: number;
}

export function asked({ outcome, from, to }: Filter): Asked {
  return { ...(outcome !== "all" && { outcome }), ...span({ from, to }) };
}

/** Seconds since 1970 from which on, and before which: the reader's own days, both of them whole. */
export function span({ from, to }: Pick<Filter, "from" | "to">): { since?: number; until?: number } {
  const since = midnight(from, 0);
  const until = midnight(to, 1);
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
}

/** The midnight at which a day begins, so many days later; undefined for what is no day since 1970. */
function midnight(day: string, later: number): number | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? [];
  if (!year) return undefined;
  const at = new Date(Number(year), Number(month) - 1, Number(date) + later).getTime() / 1000;
  return at >= 0 ? at : undefined;
}

/** Whether an event is among those asked for; `said` is the sentence that is shown for it. */
export function matches(event: Event, filter: Filter, said: string): boolean {
  if (filter.kind !== "all" && kindOf(event.action) !== filter.kind) return false;
  if (filter.outcome !== "all" && (event.outcome === "ok") !== (filter.outcome === "ok")) return false;
  const wanted = filter.text.trim().toLocaleLowerCase();
  const where = [said, event.action, event.subject, event.actor, event.outcome, event.details];
  return !wanted || where.some((text) => text.toLocaleLowerCase().includes(wanted));
}

/** Things with a time, in seconds since 1970, by the day that it was for the reader; the order stays. */
export function byDay<T extends { time: number }>(
  all: readonly T[],
): { day: string; start: number; of: T[] }[] {
  const days: { day: string; start: number; of: T[] }[] = [];
  for (const one of all) {
    const date = new Date(one.time * 1000);
    const day = `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
    const last = days.at(-1);
    if (last?.day === day) last.of.push(one);
    else {
      const start = new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime() / 1000;
      days.push({ day, start, of: [one] });
    }
  }
  return days;
}

/** How many midnights of the reader lie between a day's start and the present: 0 is today. */
export function daysAgo(start: number, now: number): number {
  const today = new Date(now * 1000);
  const midnight = new Date(today.getFullYear(), today.getMonth(), today.getDate()).getTime() / 1000;
  return Math.round((midnight - start) / 86_400);
}
