import { readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import { expect, test } from "vitest";

import { asCsv, asNdjson } from "../src/core/export";
import { ALL, asked, matches, narrows, type Event } from "../src/core/trail";
import { SERVICES } from "./services";

const EVENT: Event = {
  number: 7,
  time: 1_700_000_000,
  actor: "owner",
  action: "file.purge",
  subject: "/a",
  outcome: "ok",
  details: "",
  hash: "00ff",
};

/** Reads a table as RFC 4180 says it is read. */
function rows(csv: string): string[][] {
  const cells = [...csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)];
  const found: string[][] = [[]];
  for (const [, quoted, plain, end] of cells) {
    found.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end !== ",") found.push([]);
  }
  return found.slice(0, -1);
}

test("a table holds each event under the columns of the device's own export", () => {
  const [head, row] = rows(asCsv([EVENT]));
  expect(row).toEqual(["7", "1700000000", "owner", "file.purge", "/a", "ok", "", "00ff"]);
  const python = readFileSync(join(SERVICES, "piccolo_gateway/core/bodies/memory.py"), "utf8");
  const fields = /class AuditEvent\b[\s\S]*?\n\n\n/.exec(python)?.[0].matchAll(/^ {4}(\w+): /gm);
  expect(head).toEqual([...(fields ?? [])].map(([, name]) => name));
});

test("a table brings every text back, and no spreadsheet takes one for a formula", () => {
  const text = fc.string({ unit: fc.constantFrom(..."=+-@\t\r\n\",'aü ") });
  fc.assert(
    fc.property(fc.array(text), (subjects) => {
      const read = rows(asCsv(subjects.map((subject) => ({ ...EVENT, subject })))).slice(1);
      expect(read.map((row) => row[4])).toEqual(
        subjects.map((subject) => (/^[=+\-@\t\r]/.test(subject) ? `'${subject}` : subject)),
      );
    }),
  );
});

test("what programs read is one object a line, unchanged", () => {
  const events = [EVENT, { ...EVENT, subject: "=1\n2" }];
  const lines = asNdjson(events).split("\n");
  expect(lines.slice(0, -1).map((line) => JSON.parse(line) as Event)).toEqual(events);
  expect(lines.at(-1)).toBe("");
});

test("the device chooses what it can, the page the rest", () => {
  const filter = { ...ALL, kind: "files", outcome: "failed", text: " PURGE ", from: "2026-11-28" } as const;
  expect(asked(filter)).toEqual({ outcome: "failed", since: new Date(2026, 10, 28).getTime() / 1000 });
  expect(matches({ ...EVENT, outcome: "DENIED" }, filter, "")).toBe(true);
  expect(matches(EVENT, filter, "")).toBe(false);
  expect(matches({ ...EVENT, action: "session.end", outcome: "DENIED" }, filter, "purge")).toBe(false);
});

test("only what leaves something out is a choice", () => {
  expect(narrows(ALL)).toBe(false);
  expect(narrows({ ...ALL, text: "  " })).toBe(false);
  for (const one of [
    { kind: "files" },
    { outcome: "ok" },
    { text: "a" },
    { from: "2026-11-28" },
    { to: "2026-11-28" },
  ])
    expect(narrows({ ...ALL, ...one } as typeof ALL)).toBe(true);
});
