import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { afterFall, arcsOf, clockOf, standingOf, type MemberFacts } from "../src/core/circle";
import { BESIDE, label, NAMED, short, TYPES, type Type } from "../src/core/ring";

const NOW = 2_000_000_000;
const DAY = 86_400;
const well: MemberFacts = {
  state: "active",
  away_since: 0,
  last_audit: NOW - 60,
  owner_bytes: 10,
  damaged_fragments: 0,
};

describe("what is drawn of a member", () => {
  test("an arc is filled only for what was proven lately", () => {
    expect(standingOf(well, NOW)).toBe("proven");
    expect(standingOf({ ...well, last_audit: NOW - 31 * DAY }, NOW)).toBe("unproven");
    expect(standingOf({ ...well, last_audit: 0 }, NOW)).toBe("unproven");
    expect(standingOf({ ...well, owner_bytes: 0 }, NOW)).toBeUndefined();
    expect(standingOf({ ...well, state: "leaving" }, NOW)).toBe("rebuilding");
    expect(standingOf({ ...well, away_since: NOW - 60 }, NOW)).toBe("gone");
  });

  test("a ring has an arc beside each who keeps something, and calls nothing proven that was not audited", () => {
    const members = [
      { ...well, owner_id: "proven" },
      { ...well, owner_id: "new", last_audit: 0 },
      { ...well, owner_id: "empty", owner_bytes: 0 },
      { ...well, owner_id: "away", away_since: NOW - 60 },
    ];
    expect(arcsOf(members, NOW)).toEqual([
      { member: "proven", standing: "proven" },
      { member: "new", standing: "unproven" },
      { member: "away", standing: "gone" },
    ]);
  });
});

test("it turns amber exactly where one more loss may destroy something", () => {
  fc.assert(
    fc.property(fc.nat(30), fc.nat(30), (survives, fallen) => {
      const { mood, left } = afterFall(survives, fallen);
      expect(left).toBe(survives - fallen);
      expect(mood).toBe(fallen < survives ? "safe" : fallen === survives ? "risk" : "act");
    }),
  );
});

test("a clock of what is left", () => {
  expect(clockOf(86_399)).toBe("23:59:59");
  expect(clockOf(3600)).toBe("1:00:00");
  expect(clockOf(247)).toBe("4:07");
  expect(clockOf(0.4)).toBe("0:00");
  expect(clockOf(-9)).toBe("0:00");
});

describe("names around the ring", () => {
  /* of the size of the type: what a name takes above its line, in all, and for a sign */
  const CAP = 11 / 12;
  const LINE = 14 / 12;
  const SIGN = 7 / 12;
  const SHEET = 360 - 2 * 24 - 1;
  const box = (index: number, of: number, { size, signs }: Type) => {
    const { x, y, anchor } = label(index, of, size);
    const wide = signs * SIGN * size;
    const left = anchor === "start" ? x : anchor === "end" ? x - wide : x - wide / 2;
    return { left, right: left + wide, top: y - CAP * size, bottom: y + (LINE - CAP) * size };
  };
  const rings = [
    ...Array.from({ length: 31 }, (_, index) => ({ of: index + 1, type: "fine" as const })),
    ...Array.from({ length: BESIDE }, (_, index) => ({ of: index + 1, type: "large" as const })),
  ];

  test("are no smaller than 11 px in the sheet of a phone that is 360 px wide", () => {
    expect((TYPES.large.size * SHEET) / (2 * NAMED.width)).toBeGreaterThanOrEqual(11);
  });

  test.each(rings)("do not meet with $of members, in $type type", ({ of, type }) => {
    const boxes = Array.from({ length: of }, (_, index) => box(index, of, TYPES[type]));
    for (const [index, one] of boxes.entries()) {
      expect(one.top).toBeGreaterThanOrEqual(-152);
      expect(one.bottom).toBeLessThanOrEqual(152);
      expect(Math.max(-one.left, one.right)).toBeLessThanOrEqual(of > BESIDE ? 280 : 256);
      for (const other of boxes.slice(index + 1)) {
        const meet =
          one.left < other.right &&
          other.left < one.right &&
          one.top < other.bottom &&
          other.top < one.bottom;
        expect(meet).toBe(false);
      }
    }
  });

  test("are cut between whole signs, and only when they are too long", () => {
    expect(short("Ana")).toBe("Ana");
    expect(short("sixteen signs ok")).toBe("sixteen signs ok");
    expect([...short("👵👵👵👵👵👵👵👵👵👵👵👵👵👵👵👵👵")]).toHaveLength(16);
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => [...short(name)].length <= 16));
  });
});
