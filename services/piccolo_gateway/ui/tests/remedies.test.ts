import { expect, test } from "vitest";

import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";
import { addressOf, isAct, REMEDIES } from "../src/pages/home/remedies";

test("every matter that has words has its remedy, or none on purpose", () => {
  expect(Object.keys(REMEDIES).sort()).toEqual(Object.keys(en.attention).sort());
  expect(Object.keys(REMEDIES).sort()).toEqual(Object.keys(de.attention).sort());
});

test("a repair is offered for fragments alone, a backup for the backup alone", () => {
  const by = (remedy: string) => Object.keys(REMEDIES).filter((reason) => REMEDIES[reason] === remedy);
  expect(by("repair").sort()).toEqual([
    "FILES_AT_RISK",
    "FILES_UNREADABLE",
    "MEMBER_DAMAGED",
    "MEMBER_MISSED_BLOCKS",
  ]);
  expect(by("backUp").sort()).toEqual(["BACKUP_LATE", "BACKUP_STUCK"]);
});

test("where nothing here helps, the sentence says what does, or that nothing is needed", () => {
  const facts = { member: "Ana", since: 1, count: 1, bytes: 1, until: 1, stuck: false };
  const say = { time: String, bytes: String };
  const silent = Object.keys(REMEDIES).filter((reason) => REMEDIES[reason] === "none");
  const asked = silent.filter((reason) => en.attention[reason]?.({ ...facts, reason }, say).next);
  expect(asked).toEqual(["BACKUP_FENCED"]);
});

test("a member's matter leads to that member, and to the circle when nobody knows whose it is", () => {
  expect(addressOf("member", "abc")).toBe("/circle?member=abc");
  expect(addressOf("member", "")).toBe("/circle");
  expect(addressOf("circle", "abc")).toBe("/circle");
  expect(addressOf("space", "")).toBe("/settings/storage");
  expect([isAct("repair"), isAct("backUp"), isAct("member"), isAct("none")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
