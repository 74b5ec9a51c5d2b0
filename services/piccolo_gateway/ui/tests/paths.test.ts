import fc from "fast-check";
import { expect, test } from "vitest";

import { fromAddress, join, nameOf, parentOf, toAddress, trail } from "../src/core/paths";

const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((one) => !one.includes("/") && one !== "." && one !== ".." && one.isWellFormed());
const path = fc.array(name, { maxLength: 5 }).map((names) => `/${names.join("/")}`);

test("a path survives the way through an address", () => {
  fc.assert(
    fc.property(path, (one) => {
      expect(fromAddress(toAddress(one))).toBe(one);
    }),
  );
});

test("directory and name make the path again", () => {
  fc.assert(
    fc.property(path, (one) => {
      if (one !== "/") expect(join(parentOf(one), nameOf(one))).toBe(one);
      expect(trail(one).at(-1)).toBe(one);
    }),
  );
});

test("an address with a broken escape is taken as it stands", () => {
  expect(fromAddress("100%/x")).toBe("/100%/x");
});
