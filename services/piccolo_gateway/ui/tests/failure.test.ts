import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Problem } from "../src/api/problem";
import { failureOf } from "../src/core/failure";

const NOW = new Date("2026-11-30T20:15:00Z");

describe("what is told of a failure", () => {
  it("is a number of four digits, whatever failed", () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (thrown, random) => {
          expect(failureOf(thrown, "", NOW, random).incident).toMatch(/^[0-9A-F]{4}$/);
        },
      ),
    );
  });

  it("is the number that the device has written down, where it has one", () => {
    const problem = new Problem(500, "INTERNAL", "What nobody foresaw.", "", "4c7d2a91");
    expect(failureOf(problem, "files", NOW, 0).incident).toBe("4c7d2a91");
    expect(failureOf(new Problem(404, "NOT_FOUND", "Gone."), "files", NOW, 0.5).incident).toBe("8000");
  });

  it("names when and on which page, then the error once", () => {
    const error = new TypeError("x is not a function");
    const { told } = failureOf(error, "circle", NOW, 0.999999);
    const [first, second] = told.split("\n");
    expect(first).toBe("FFFF 2026-11-30T20:15:00.000Z /circle");
    expect(second).toBe("TypeError: x is not a function");
    error.stack = "run@page.js:1:2"; // as Firefox and Safari tell it
    expect(failureOf(error, "", NOW, 0).told).toMatch(/\nTypeError: x is not a function\nrun@page\.js:1:2$/);
  });
});
