import { expect, test } from "vitest";

import { span } from "../src/core/trail";

const at = (year: number, month: number, day: number) => new Date(year, month - 1, day).getTime() / 1000;

test("the days that are asked for are whole ones of the reader", () => {
  expect(span({ from: "2026-11-28", to: "2026-11-28" })).toEqual({
    since: at(2026, 11, 28),
    until: at(2026, 11, 29),
  });
  expect(span({ from: "2026-12-31", to: "" })).toEqual({ since: at(2026, 12, 31) });
  expect(span({ from: "", to: "2026-12-31" })).toEqual({ until: at(2027, 1, 1) });
});

test("what is no day bounds nothing", () => {
  for (const day of ["", "soon", "2026-1-1", "0001-01-01"]) expect(span({ from: day, to: "" })).toEqual({});
});
