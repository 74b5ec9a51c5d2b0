/** Chosen events of the audit log as files, in the same forms as the device's own export of all of them. */

import type { Event } from "./trail";

export const FORMS = {
  csv: { media: "text/csv", write: asCsv },
  ndjson: { media: "application/x-ndjson", write: asNdjson },
} as const;
export type Form = keyof typeof FORMS;

const COLUMNS = ["number", "time", "actor", "action", "subject", "outcome", "details", "hash"] as const;
/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** One JSON object a line. */
export function asNdjson(events: readonly Event[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

/** A table (RFC 4180); a cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function asCsv(events: readonly Event[]): string {
  const rows = events.map((event) => COLUMNS.map((name) => cell(String(event[name]))));
  return [COLUMNS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

function cell(value: string): string {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
