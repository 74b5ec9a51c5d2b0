import { expect, test } from "vitest";

import { readCheck, readRepair, shareOf } from "../src/core/checks";

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
