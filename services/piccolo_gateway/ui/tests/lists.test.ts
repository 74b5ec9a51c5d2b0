import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { flaw, freeName, split } from "../src/core/names";
import { comparing, sorted, sorting } from "../src/core/order";
import { all, kept, moved, NOTHING, only, stretched, toggled } from "../src/core/selection";
import { Speed } from "../src/core/speed";
import { part, placed, type Slot } from "../src/core/visible";

const entry = fc.record({
  path: fc.string({ minLength: 1, maxLength: 5 }),
  kind: fc.constantFrom("file", "directory"),
  size: fc.nat(5),
  modified: fc.nat(5),
});
const order = fc.record({ by: fc.constantFrom("name", "size", "modified"), down: fc.boolean() } as const);

describe("the order of a folder", () => {
  it("is the same in pauses as at once, for any entries and order", () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 60 }),
        order,
        fc.integer({ min: 1, max: 9 }),
        (items, by, step) => {
          const compare = comparing(by, "en");
          const slow = sorting(items, compare, step);
          let result = slow.next();
          while (!result.done) result = slow.next();
          expect(result.value).toEqual(sorted(items, compare));
        },
      ),
      { numRuns: 400 },
    );
  });

  it("has folders first, and counts as people do", () => {
    const file = (path: string, kind = "file") => ({ path, kind, size: 1, modified: 1 });
    const items = ["/10.jpg", "/2.jpg", "/a.txt", "/B.txt"].map((path) => file(path));
    const names = (down: boolean) =>
      sorted([...items, file("/z", "directory")], comparing({ by: "name", down }, "en")).map(
        ({ path }) => path,
      );
    expect(names(false)).toEqual(["/z", "/2.jpg", "/10.jpg", "/a.txt", "/B.txt"]);
    expect(names(true)).toEqual(["/z", "/B.txt", "/a.txt", "/10.jpg", "/2.jpg"]);
  });
});

describe("what is chosen", () => {
  const names = ["a", "b", "c", "d", "e"];

  it("is stretched from where it began, in both directions", () => {
    fc.assert(
      fc.property(fc.nat(4), fc.nat(4), fc.nat(4), (from, over, to) => {
        let choice = only(names[from]!);
        choice = stretched(choice, names[over]!, names);
        choice = stretched(choice, names[to]!, names);
        expect([...choice.chosen]).toEqual(names.slice(Math.min(from, to), Math.max(from, to) + 1));
        expect(choice.cursor).toBe(names[to]);
      }),
    );
  });

  it("moves by keys and stays in the list", () => {
    expect(moved(NOTHING, Infinity, names, "only").cursor).toBe("e");
    expect(moved(NOTHING, -Infinity, names, "only").cursor).toBe("a");
    expect(moved(NOTHING, -1, names, "only").cursor).toBe("e");
    let choice = moved(NOTHING, 1, names, "only");
    expect(choice.cursor).toBe("a");
    choice = moved(choice, 99, names, "only");
    expect([...choice.chosen]).toEqual(["e"]);
    choice = moved(choice, -2, names, "stretch");
    expect([...choice.chosen]).toEqual(["c", "d", "e"]);
    choice = moved(choice, -1, names, "keep");
    expect(choice.cursor).toBe("b");
    expect(choice.chosen.size).toBe(3);
    expect(all(choice, names).chosen.size).toBe(5);
    expect([...toggled(only("a"), "a").chosen]).toEqual([]);
  });

  it("keeps of a changed list what is still there", () => {
    const choice = stretched(only("a"), "c", names);
    expect(kept(choice, new Set(["b", "c"]))).toEqual({
      chosen: new Set(["b", "c"]),
      cursor: "c",
      anchor: undefined,
    });
  });
});

describe("what is drawn of a long list", () => {
  it("covers what is seen, and little more", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -2000, max: 5e6 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.nat(100_000),
        (above, seen, rows) => {
          const { first, end } = part(above, seen, 44, rows, 8);
          expect(first).toBeGreaterThanOrEqual(0);
          expect(end).toBeLessThanOrEqual(rows);
          expect(end - first).toBeLessThanOrEqual(Math.ceil(seen / 44) + 18);
          const top = Math.max(0, Math.floor(above / 44));
          const bottom = Math.min(rows, Math.ceil((above + seen) / 44));
          for (const row of [top, bottom - 1]) {
            if (row >= top && row < bottom) expect(row >= first && row < end).toBe(true);
          }
        },
      ),
    );
  });

  it("stays in its slot as long as it is drawn, and those that come take the slots of those that went", () => {
    const windows = fc.array(fc.tuple(fc.nat(60), fc.nat(12)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(windows, (moves) => {
        let before: readonly Slot[] = [];
        for (const [first, length] of moves) {
          const now = placed(before, first, first + length);
          expect(now.map((slot) => slot.row)).toEqual(Array.from({ length }, (_, at) => first + at));
          const keys = new Set(now.map((slot) => slot.key));
          expect(keys.size).toBe(length);
          for (const slot of before) {
            const same = now.find((one) => one.row === slot.row);
            if (same) expect(same).toBe(slot);
          }
          const made = [...keys].filter((key) => !before.some((slot) => slot.key === key));
          expect(made.length).toBe(Math.max(0, length - before.length));
          before = now;
        }
      }),
    );
  });

  it("leaps without a node being moved: the slots keep their order", () => {
    const before = placed([], 0, 5);
    expect(placed(before, 1000, 1005).map((slot) => slot.key)).toEqual(before.map((slot) => slot.key));
  });
});

describe("names", () => {
  it("are free, with their extension kept", () => {
    const taken = new Set(["a.txt", "a (2).txt"]);
    expect(freeName("a.txt", (name) => taken.has(name))).toBe("a (3).txt");
    expect(freeName("b", (name) => taken.has(name))).toBe("b");
    expect(split(".hidden")).toEqual([".hidden", ""]);
  });

  it("are judged as the device does", () => {
    expect(flaw(" ")).toBe("empty");
    expect(flaw("a/b")).toBe("slash");
    expect(flaw("..")).toBe("dots");
    expect(flaw("ä".repeat(128))).toBe("long");
    expect(flaw("Grüße 🦊 שלום.txt")).toBeUndefined();
  });
});

describe("the speed", () => {
  it("is the rate of the last seconds, and says nothing before it knows", () => {
    const speed = new Speed();
    speed.add(0, 0);
    expect(speed.perSecond(100)).toBe(0);
    for (let at = 500; at <= 20_000; at += 500) speed.add(1000, at);
    expect(speed.perSecond(20_000)).toBeCloseTo(2000, -1);
    expect(speed.left(10_000, 20_000)).toBeCloseTo(5, 0);
  });
});
