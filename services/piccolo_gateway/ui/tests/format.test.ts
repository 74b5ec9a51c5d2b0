import fc from "fast-check";
import { expect, test } from "vitest";

import { bytes, duration, relative } from "../src/core/format";

test("sizes are said in the unit that suits them", () => {
  expect([0, 1, 999, 1000, 52_428, 999_600, 3_400_000, 2e12].map((size) => bytes(size, "en"))).toEqual([
    "0 bytes",
    "1 byte",
    "999 bytes",
    "1 kB",
    "52.4 kB",
    "1 MB",
    "3.4 MB",
    "2 TB",
  ]);
  expect(bytes(1_500_000, "de")).toBe("1,5 MB");
});

test("no size has more than three digits before its unit", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e14 }), (size) => {
      expect(bytes(size, "en")).toMatch(/^\d{1,3}(\.\d)? \w+$/);
    }),
  );
});

test("times are said as people say them", () => {
  const now = 1_800_000_000;
  expect(relative(now - 3 * 86_400, now, "en")).toBe("3 days ago");
  expect(relative(now - 86_400, now, "de")).toBe("gestern");
  expect(relative(now + 7_200, now, "en")).toBe("in 2 hours");
  expect(relative(now - 20, now, "en")).toBe("now");
  expect([5, 100, 7_200].map((one) => duration(one, "en"))).toEqual(["5 sec", "2 min", "2 hr"]);
});
