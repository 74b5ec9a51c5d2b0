import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { changes, read, typed, undoing, type Setting, type Value } from "../src/core/preferences";

const values = fc.oneof(
  fc.integer({ min: -1e12, max: 1e12 }),
  fc.boolean(),
  fc.string().map((text) => text.trim()),
);
const pair = fc.oneof(
  fc.tuple(fc.integer(), fc.integer()),
  fc.tuple(fc.boolean(), fc.boolean()),
  fc.tuple(fc.string(), fc.string()).map(([a, b]) => [a.trim(), b.trim()] as [string, string]),
);
const catalogue = fc.dictionary(fc.stringMatching(/^[a-z.]{1,8}$/), pair).map((all) =>
  Object.entries(all).map(([name, [value, other]]): Setting => ({
    name,
    value,
    default: other,
    meaning: "",
  })),
);

describe("settings", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(values, (value: Value) => {
        const setting = { name: "x", value, default: value, meaning: "" };
        expect(read(setting, ` ${typed(value)} `)).toBe(value);
      }),
    );
  });

  it("are whole numbers where they are numbers", () => {
    const setting = { name: "x", value: 1, default: 1, meaning: "" };
    for (const text of ["", "1.5", "1e3", "zwei", "0x10", "1 000"])
      expect(read(setting, text)).toBeUndefined();
    expect(changes([setting], { x: "many" })).toBeUndefined();
  });

  it("that nobody touched are not sent", () => {
    fc.assert(
      fc.property(catalogue, (settings) => {
        expect(changes(settings, {})).toEqual({});
      }),
    );
  });

  it("are sent when they change, and can be taken back", () => {
    fc.assert(
      fc.property(catalogue, (settings) => {
        const texts = Object.fromEntries(settings.map((one) => [one.name, typed(one.default)]));
        const sent = changes(settings, texts) ?? {};
        for (const one of settings) {
          if (one.value === one.default) expect(one.name in sent).toBe(false);
          else expect(sent[one.name]).toBeNull();
        }
        const back = undoing(settings, sent);
        for (const name of Object.keys(sent))
          expect(back[name]).toBe(settings.find((one) => one.name === name)?.value);
      }),
    );
  });
});
