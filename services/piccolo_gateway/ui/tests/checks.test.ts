import { expect, test } from "vitest";

import { cutOff, endUnknown, readCheck, readRepair, shareOf } from "../src/core/checks";
import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";

const done = { kind: "check", state: "succeeded", error_message: "", error_reason: "" };

test("a result is read from what ended well, and from nothing else", () => {
  const result = JSON.stringify({ objects: 7, damaged: 1, lost: 1, lost_files: ["/a"], words: "…" });
  expect(readCheck({ ...done, result })).toEqual({
    objects: 7,
    damaged: 1,
    lost: 1,
    blocks_read: 0,
    blocks_wrong: 0,
    lost_files: ["/a"],
  });
  expect(readCheck({ ...done, state: "running", result: "" })).toBeUndefined();
  expect(readCheck({ ...done, kind: "repair", result: "{}" })).toBeUndefined();
});

test("what a repair did, and what waits", () => {
  const repair = { ...done, kind: "repair", result: JSON.stringify({ repaired: 3, waiting: 1 }) };
  expect(readRepair(repair)).toEqual({ repaired: 3, waiting: 1 });
  expect(readRepair({ ...repair, state: "failed" })).toBeUndefined();
  expect(readRepair({ ...done, result: "{}" })).toBeUndefined();
});

test("how far it is, with or without a known end", () => {
  expect(shareOf({ done: 3, total: 0 }, 12)).toBe(0.25);
  expect(shareOf({ done: 20, total: 0 }, 12)).toBe(1);
  expect(shareOf({ done: 3, total: 6 }, 12)).toBe(0.5);
  expect(shareOf({ done: 0, total: 0 }, 0)).toBeUndefined();
});

test("work that a restart cut off is told apart from work that failed", () => {
  const failed = { ...done, state: "failed", result: "" };
  expect(cutOff({ ...failed, error_reason: "INTERRUPTED" })).toBe(true);
  expect(cutOff({ ...failed, error_reason: "NO_KEEPERS" })).toBe(false);
  expect(cutOff({ ...done, result: "{}", error_reason: "INTERRUPTED" })).toBe(false);
});

test("only an answer that was lost leaves open whether it was done", () => {
  for (const reason of ["OFFLINE", "DEADLINE_EXCEEDED"]) expect(endUnknown(reason)).toBe(true);
  for (const reason of ["CLOUD_AWAY", "FENCED", "LOCKED", ""]) expect(endUnknown(reason)).toBe(false);
});

test.each([en, de])(
  "what a restart cut off is not told in the words of a recovery",
  ({ backups, recovery }) => {
    for (const words of [backups.checkCutOff, backups.repairCutOff, backups.snapshotCutOff])
      expect(words).not.toMatch(/24/);
    for (const reason of ["INTERRUPTED", "RESTORE_CUT_OFF"]) {
      expect(recovery.doubts[reason]?.safe).toBeTruthy();
      expect(recovery.doubts[reason]?.decide).toMatch(/24/);
    }
  },
);
