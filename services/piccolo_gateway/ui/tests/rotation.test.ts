import { expect, test } from "vitest";

import { unreached } from "../src/core/rotation";

test("members that were not reached are named, and nothing else is", () => {
  expect(unreached('{"epoch": 2, "versions": 5, "leftovers": 1, "unreached": ["Ana", "Ben"]}')).toEqual([
    "Ana",
    "Ben",
  ]);
  expect(unreached('{"epoch": 2, "unreached": []}')).toEqual([]);
  expect(unreached('{"epoch": 2}')).toEqual([]);
  expect(unreached("")).toEqual([]);
});
