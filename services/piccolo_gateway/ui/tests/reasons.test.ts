/** Whatever the device may tell a person of has words here, in both languages: the reasons are read out of its code. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { de } from "../src/i18n/de";
import { entry as hinein } from "../src/i18n/de/entry";
import { en } from "../src/i18n/en";
import { entry } from "../src/i18n/en/entry";
import { INSIDE } from "./inside";
import { SERVICES, shipped } from "./services";

const RAISED = /Kind\.([A-Z_]+),\s*"([A-Z][A-Z_]+)"/g;

const code = (part: string) => [...shipped(part).values()].join("\n");

function all(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((found) => found.at(-1)!))].sort();
}

const spoken = ["gateway", "vault", "metadata", "attestation"]
  .map((name) => code(`piccolo_${name}`))
  .join("\n");
const raised = all(spoken, RAISED);
const kinds = all(readFileSync(join(SERVICES, "piccolo_chassis/errors.py"), "utf8"), /^ {4}([A-Z_]+) = "/gm);
const proposals = readFileSync(join(SERVICES, "piccolo_attestation/core/proposals.py"), "utf8");
const keeper = readFileSync(join(SERVICES, "piccolo_fragment_store/engine/keeper.py"), "utf8");
const provision = readFileSync(join(SERVICES, "piccolo_provision/core/refusals.py"), "utf8");
const boot = readFileSync(join(SERVICES, "piccolo_gateway/core/boot.py"), "utf8");
const attention = code("piccolo_gateway/core") + code("piccolo_vault/core");
const WAY_IN = [
  { t: en, met: entry, reset: /\breset/i, blank: "another blank device", anew: "onto this one’s disk anew" },
  {
    t: de,
    met: hinein,
    reset: /setze? .*zurück|zurücksetz/i,
    blank: "anderes leeres Gerät",
    anew: "neu auf",
  },
];

describe.each(Object.entries({ en, de }))("in %s", (_, t) => {
  const { known } = t.problems;

  it("every reason that is not the services' own business has words", () => {
    expect(raised.length).toBeGreaterThan(200);
    expect(raised.filter((one) => !(one in known) && !INSIDE.has(one))).toEqual([]);
  });

  it("every kind of failure has words, for the reasons that have none", () => {
    expect(kinds.length).toBeGreaterThan(10);
    expect(kinds.filter((one) => !(one in t.problems.kinds))).toEqual([]);
  });

  it("every matter that wants attention has words", () => {
    const found = [...all(attention, /reason="([A-Z_]+)"/g), ...all(attention, /"(MEMBER_[A-Z_]+)"/g)];
    const reasons = found.filter((one) => !(one in known) && !INSIDE.has(one));
    expect(reasons.length).toBeGreaterThan(10);
    expect(reasons.filter((one) => !(one in t.attention))).toEqual([]);
  });

  it("every refusal of a seed or a configuration has words", () => {
    const refusals = all(provision, /^ {4}[A-Z_]+ = "([A-Z_]+)"$/gm);
    expect(refusals.length).toBeGreaterThan(10);
    expect(refusals.filter((one) => !(one in t.provision.reasons))).toEqual([]);
    expect(Object.keys(t.provision.reasons).filter((one) => !refusals.includes(one))).toEqual([]);
  });

  it("every reason for data in memory has words, and what to do", () => {
    const reasons = all(boot, /^ {4}"([A-Z_]+)": "/gm);
    expect(reasons.length).toBe(5);
    for (const words of [t.boot.reasons, t.boot.next]) expect(Object.keys(words).sort()).toEqual(reasons);
  });

  it("every change, alarm and refusal of the circle has words", () => {
    const changes = all(proposals, /^ {4}"([A-Z_]+)": "/gm);
    expect(changes.length).toBeGreaterThan(5);
    expect(changes.filter((one) => !(one in t.circle.changes))).toEqual([]);
    const alarms = ["CIRCLE_FROZEN", ...all(code("piccolo_attestation/core"), /Alarm\(\s*"([A-Z_]+)"/g)];
    expect(alarms.length).toBe(3);
    expect(alarms.filter((one) => !(one in t.circle.alarms))).toEqual([]);
    const standings = ["LEAVING", "EXPELLED", "COMPROMISED"].map((one) => `DEVICE_${one}`);
    const refusals = [...all(keeper, /return "([A-Z_]+)",/g), ...standings];
    expect(refusals.length).toBe(7);
    expect(refusals.filter((one) => !(one in t.circle.refusals))).toEqual([]);
  });
});

describe.each(WAY_IN)("before anybody is in", ({ t, met, reset, blank, anew }) => {
  const { doubts } = t.recovery;

  it("nobody is told to reset a device: that is for its owner, inside", () => {
    const told = [...Object.values(met), ...Object.values(doubts)].flatMap((words) => Object.values(words));
    expect(told.length).toBeGreaterThan(100);
    expect(told.filter((words) => reset.test(words))).toEqual([]);
    expect(code("piccolo_vault")).not.toMatch(/reset th(e|is) device/);
  });

  it("whoever cannot go on with this device is told of another one, and how this one becomes blank", () => {
    const ways = [
      met.OTHER_WORDS.next,
      met.RESTORED_ALREADY.next,
      ...["FORK", "PROOF_WITHHELD", "ROLLED_BACK"].map((reason) => doubts[reason]!.decide),
    ];
    for (const way of ways) for (const named of [blank, anew]) expect(way).toContain(named);
  });
});

it("nothing has both words and the note that it needs none", () => {
  expect([...INSIDE].filter((one) => one in en.problems.known)).toEqual([]);
  expect([...INSIDE].filter((one) => !raised.includes(one))).toEqual([]);
});
