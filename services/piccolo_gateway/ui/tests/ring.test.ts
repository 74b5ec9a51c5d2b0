import fc from "fast-check";
import { expect, test } from "vitest";

import { arc, bears, outline, point } from "../src/core/ring";

test("points lie on the ring, the first at the top", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.nat(63), (of, index) => {
      const { x, y } = point(index % of, of, 100);
      expect(Math.hypot(x, y)).toBeCloseTo(100);
    }),
  );
  expect(point(0, 5, 10).y).toBeCloseTo(-10);
});

test("an arc of any ring is a path that SVG can draw", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.nat(63), (of, index) => {
      expect(arc(index % of, of, 100)).toMatch(/^M-?[\d.]+ -?[\d.]+A100 100 0 0 1 -?[\d.]+ -?[\d.]+$/);
    }),
  );
});

test("the outline of an arc goes around it, half its width away on each side", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.nat(63),
      fc.integer({ min: 1, max: 20 }),
      (of, index, width) => {
        const path = outline(index % of, of, 100, width);
        const spots = [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)(?=[AZ])/g)].map(([, x, y]) =>
          Math.hypot(+x!, +y!),
        );
        const [outer, inner] = [100 + width / 2, 100 - width / 2];
        expect(spots).toHaveLength(5);
        for (const [at, far] of [outer, outer, inner, inner, outer].entries())
          expect(spots[at]).toBeCloseTo(far, 1);
        expect(path).toMatch(/Z$/);
      },
    ),
  );
});

/* the definition, tried on every choice of those who fall */
function bearsByTrying(holders: number[], k: number): number {
  const all = [...new Set(holders)];
  for (let lost = all.length; lost >= 0; lost -= 1) {
    if (choices(all, lost).every((gone) => holders.filter((one) => !gone.includes(one)).length >= k))
      return lost;
  }
  return holders.length - k;
}

function choices(all: number[], size: number): number[][] {
  if (size === 0) return [[]];
  return all.flatMap((one, index) => choices(all.slice(index + 1), size - 1).map((rest) => [one, ...rest]));
}

test("what a file bears is the most that any choice of members may take away", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(6), { maxLength: 9 }),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(6), { maxLength: 4 }),
      (holders, k, gone) => {
        const fallen = new Set(gone);
        const kept = holders.filter((one) => !fallen.has(one));
        expect(bears(holders, fallen, k)).toBe(kept.length < k ? kept.length - k : bearsByTrying(kept, k));
      },
    ),
  );
});
