import fc from "fast-check";
import { expect, test } from "vitest";

import { rates } from "../src/core/rates";

const counts = fc.record({
  time: fc.integer({ min: 0, max: 1e6 }),
  busy_seconds: fc.integer({ min: 0, max: 1e6 }),
  idle_seconds: fc.integer({ min: 0, max: 1e6 }),
  received_bytes: fc.nat(),
  sent_bytes: fc.nat(),
});

test("no rate is negative, and none is more than the whole processor", () => {
  fc.assert(
    fc.property(counts, counts, (before, after) => {
      const found = rates(before, after);
      if (!found) return;
      expect(found.busy).toBeGreaterThanOrEqual(0);
      expect(found.busy).toBeLessThanOrEqual(1);
      expect(Math.min(found.received, found.sent)).toBeGreaterThanOrEqual(0);
    }),
  );
});

test("half of the processor for two seconds, and two kilobytes", () => {
  const before = { time: 10, busy_seconds: 5, idle_seconds: 5, received_bytes: 0, sent_bytes: 100 };
  const after = { time: 12, busy_seconds: 7, idle_seconds: 7, received_bytes: 2000, sent_bytes: 100 };
  expect(rates(before, after)).toEqual({ busy: 0.5, received: 1000, sent: 0 });
  expect(rates(undefined, after)).toBeUndefined();
  expect(rates(after, before)).toBeUndefined();
});
