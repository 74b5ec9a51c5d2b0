import { expect, test } from "vitest";

import { unopened, unreached } from "../src/core/rotation";

test("members that were not reached are named, and nothing else is", () => {
  expect(unreached('{"epoch": 2, "versions": 5, "leftovers": 1, "unreached": ["Ana", "Ben"]}')).toEqual([
    "Ana",
    "Ben",
  ]);
  expect(unreached('{"epoch": 2, "unreached": []}')).toEqual([]);
  expect(unreached('{"epoch": 2}')).toEqual([]);
  expect(unreached("")).toEqual([]);
});

test("what only the old words open is counted, and is nothing where nobody tells of it", () => {
  expect(unopened('{"epoch": 2, "versions": 5, "unreached": [], "unopened": 7}')).toBe(7);
  expect(unopened('{"epoch": 2, "unopened": "many"}')).toBe(0);
  expect(unopened('{"epoch": 2}')).toBe(0);
  expect(unopened("")).toBe(0);
});
