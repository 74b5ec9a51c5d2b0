import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { progressOf, stepOf, STEPS, type Facts, type Step } from "../src/core/welcome";

const NOTHING = { name: false, code: false, words: false, backWords: false, backPassphrase: false };
const BLANK: Facts = { keys: "empty", recovering: false, watching: false, code: false, given: NOTHING };

const facts: fc.Arbitrary<Facts> = fc.record({
  keys: fc.constantFrom("empty", "unconfirmed", "locked", "unlocked"),
  recovering: fc.boolean(),
  watching: fc.boolean(),
  code: fc.boolean(),
  given: fc.record({
    name: fc.boolean(),
    code: fc.boolean(),
    words: fc.boolean(),
    backWords: fc.boolean(),
    backPassphrase: fc.boolean(),
  }),
});

describe("the step before anybody is in", () => {
  it("is the one that was wished where it is possible", () => {
    const given = { name: true, code: true, words: true, backWords: true, backPassphrase: true };
    for (const wish of [
      "start",
      "name",
      "passphrase",
      "recover",
      "recover-passphrase",
      "recover-ready",
    ] as Step[])
      expect(stepOf(wish, { ...BLANK, given })).toBe(wish);
    for (const wish of ["words", "confirm"] as Step[])
      expect(stepOf(wish, { ...BLANK, keys: "unconfirmed", given })).toBe(wish);
    for (const wish of ["circle", "found", "join"] as Step[])
      expect(stepOf(wish, { ...BLANK, keys: "unlocked" })).toBe(wish);
  });

  it("never shows words that nobody has any more", () => {
    expect(stepOf("words", { ...BLANK, keys: "unconfirmed" })).toBe("unconfirmed");
    expect(stepOf("confirm", { ...BLANK, keys: "unconfirmed" })).toBe("confirm");
    expect(stepOf("", { ...BLANK, keys: "unconfirmed" })).toBe("unconfirmed");
    fc.assert(
      fc.property(fc.constantFrom(...STEPS), facts, (wish, each) => {
        if (stepOf(wish, each) === "words") expect(each.given.words).toBe(true);
      }),
    );
  });

  it("asks for the code before what needs it", () => {
    const given = { ...NOTHING, name: true, backWords: true };
    expect(stepOf("passphrase", { ...BLANK, code: true, given })).toBe("claim");
    expect(stepOf("recover-ready", { ...BLANK, code: true, given })).toBe("recover-claim");
    fc.assert(
      fc.property(fc.constantFrom(...STEPS), facts, (wish, each) => {
        const step = stepOf(wish, each);
        if (step === "claim" || step === "recover-claim") expect(each.code).toBe(true);
        if (step === "recover-ready") expect(each.given.backWords && each.given.backPassphrase).toBe(true);
      }),
    );
  });

  it("lets an owner who has keys only choose a circle, and one who recovers only recover", () => {
    fc.assert(
      fc.property(
        fc.string().filter((one) => !STEPS.includes(one as Step)),
        facts,
        (wish, each) => {
          const step = stepOf(wish, each);
          if (each.watching) expect(step).toMatch(/^recover/);
          else if (each.recovering) expect(step).toMatch(/^recover/);
          else if (each.keys === "unlocked") expect(["circle", "found", "join"]).toContain(step);
        },
      ),
    );
  });

  it("lets who turns away from a recovery that changed nothing begin anew", () => {
    const watching = { ...BLANK, watching: true };
    expect(stepOf("", watching)).toBe("recovery");
    expect(stepOf("start", watching)).toBe("start");
    expect(stepOf("start", { ...watching, recovering: true })).toBe("recovery");
    expect(stepOf("start", { ...watching, keys: "unlocked" })).toBe("recovery");
  });

  it("counts the questions that are asked", () => {
    expect(progressOf("passphrase", false)).toEqual({ at: 2, of: 5 });
    expect(progressOf("passphrase", true)).toEqual({ at: 3, of: 6 });
    expect(progressOf("recover-ready", false)).toEqual({ at: 3, of: 3 });
    expect(progressOf("start", false)).toBeUndefined();
  });
});
