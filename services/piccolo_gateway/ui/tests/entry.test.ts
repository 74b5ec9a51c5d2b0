import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { strength } from "../src/api/strength";
import { addsUp, wordlist } from "../src/api/wordlist";
import { Estimate } from "../src/core/estimate";
import { plainFault, span } from "../src/core/guessing";
import { MESSAGE, readInvitation } from "../src/core/invitation";
import { countIn, outcomeIn, pointIn, stageOf, wholeIn } from "../src/core/recovery";
import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";
import { completions, COUNT, sortOf, split, spread } from "../src/core/words";

const ZEROS = `${"abandon ".repeat(23)}art`; // BIP-39's own vector of 256 zero bits

describe("recovery words", () => {
  it("are read from any note", async () => {
    const list = await wordlist();
    const some = fc.array(fc.constantFrom(...list), { minLength: COUNT, maxLength: COUNT });
    fc.assert(
      fc.property(some, (words) => {
        const note = words.map((word, at) => `${at + 1}. ${word.toUpperCase()}`).join(",\n");
        expect(split(note)).toEqual(words);
        expect(spread(Array<string>(COUNT).fill(""), 7, note)).toEqual(words);
      }),
    );
  });

  it("go on to the next fields, never beyond the last", () => {
    const fields = Array<string>(COUNT).fill("");
    expect(spread(fields, 22, "one two three").slice(21)).toEqual(["", "one", "two"]);
    expect(spread(["a", ...fields.slice(1)], 0, "")).toEqual(fields);
  });

  it("are known, begun or none", async () => {
    const list = await wordlist();
    expect(list).toHaveLength(2048);
    expect(["", "zoo", "zo", "zz", "123"].map((text) => sortOf(text, list))).toEqual([
      "empty",
      "known",
      "begun",
      "unknown",
      "unknown",
    ]);
    expect(completions("aban", list)).toEqual(["abandon"]);
    expect(completions("a", list)).toEqual([]);
  });

  it("have a checksum that finds out a wrong one", async () => {
    expect(await addsUp(ZEROS.split(" "))).toBe(true);
    expect(await addsUp(ZEROS.replace("art", "zoo").split(" "))).toBe(false);
    expect(await addsUp(ZEROS.split(" ").slice(1))).toBe(false);
  });
});

describe("an invitation", () => {
  const code = "0123456789ABCDEFGHJKMNPQRS";
  const link = `piccolo:join?c=${code}&e=192.168.1.5:7000&f=${"0a".repeat(32)}`;

  it("is read as people write it", () => {
    expect(readInvitation(" 0123-4567-89ab-cdef-ghjk-mnpq-rs ")).toBe(code);
    expect(readInvitation("oi23456789abcdefghjkmnpqrs")).toBe(code);
    expect(readInvitation(`Komm zu uns: ${link} `)).toBe(link);
  });

  it.each([en, de])("is read from the whole message, as a field takes it: without line breaks", (said) => {
    const letter = said.circle.letter(link, "tomorrow");
    expect(readInvitation(letter)).toBe(link);
    expect(readInvitation(letter.replaceAll("\n", ""))).toBe(link);
    expect(letter).toContain(said.welcome.joinIt);
    expect(letter.split("\n").filter((line) => /^[123]\. /.test(line))).toHaveLength(3);
  });

  it.each([en, de])("is not cut off by the field, however long its link may be", (said) => {
    const longest = link.replace("192.168.1.5:7000", "a".repeat(1024));
    expect(said.circle.letter(longest, "31. Dezember 2026, 23:59:59").length).toBeLessThan(MESSAGE);
  });

  it("is none with a part missing", () => {
    for (const wrong of [
      "",
      "hello",
      code.slice(1),
      link.slice(0, -1),
      `8${code.slice(1)}`,
      `U${code.slice(1)}`,
    ])
      expect(readInvitation(wrong)).toBeUndefined();
  });
});

describe("a passphrase", () => {
  it("is refused as the vault refuses it, and when it is on the lists", async () => {
    expect((await strength("kurz")).fault).toBe("short");
    expect((await strength("mit\u0007glocke")).fault).toBe("characters");
    expect((await strength("password1")).fault).toBe("common");
    expect((await strength("abcdefghijk")).fault).toBe("trivial");
    expect((await strength("Anas Kiste 1", ["Anas Kiste"])).fault).not.toBe("");
    expect(await strength("gartenzaun wolke kupfer leise")).toMatchObject({ fault: "", score: 4 });
    expect(plainFault("ｐａｓｓ")).toBe("short");
  });

  it("holds for a time in words", () => {
    expect(span(0.2)).toEqual({ unit: "moment", count: 1 });
    expect(span(7_300)).toEqual({ unit: "hour", count: 2 });
    expect(span(40_000_000)).toEqual({ unit: "year", count: 1 });
    expect(span(1e30).unit).toBe("ages");
    fc.assert(fc.property(fc.double({ min: 0, noNaN: true }), (seconds) => span(seconds).count >= 1));
  });
});

describe("an estimate", () => {
  it("is what the rate of late says", () => {
    const estimate = new Estimate();
    estimate.note(0, 0);
    expect(estimate.left(100)).toBeUndefined();
    estimate.note(10, 50);
    expect(estimate.left(100)).toBeCloseTo(10);
    estimate.note(11, 0);
    expect(estimate.left(100)).toBeUndefined();
  });

  it("forgets what is long ago", () => {
    const estimate = new Estimate();
    estimate.note(0, 0);
    estimate.note(100, 10);
    estimate.note(110, 110);
    expect(estimate.left(210)).toBeCloseTo(10);
  });
});

describe("a recovery", () => {
  it("is at a stage", () => {
    const told: [string, string][] = [
      ["Looking for your backup", "find"],
      ["Applying changes", "fetch"],
      ["Asking the members whether this backup is the newest", "ask"],
      ["Asking the members to accept this device: 1 of 2 did", "take"],
      ["Sealing your key under the new passphrase", "take"],
      ["Bringing back files that the members keep: 3 of 7 parts", "newer"],
    ];
    expect(stageOf("Waiting for this device's other services")).toBeUndefined();
    for (const [phase, stage] of told) expect(stageOf(phase)).toBe(stage);
    expect(countIn("Bringing back files that the members keep: 3 of 7 parts")).toEqual({ done: 3, total: 7 });
    expect(countIn("Looking for your backup")).toBeUndefined();
  });

  it("goes to the newest point, or to the one of a whole number", () => {
    expect(["", "  ", "1", " 12 ", "007"].map(pointIn)).toEqual([0, 0, 1, 12, 7]);
    for (const wrong of ["0", "-1", "1.5", "1e3", "one", "1 2", "9".repeat(17)])
      expect(pointIn(wrong)).toBeUndefined();
    fc.assert(fc.property(fc.integer({ min: 1 }), (point) => pointIn(String(point)) === point));
  });

  it("knows up to where a damaged backup is whole", () => {
    const sentence =
      "The backup is broken at entry 7: it is cut off. It is whole up to entry 6; ask for that.";
    expect(wholeIn(sentence)).toBe("6");
    expect(wholeIn("The backup is broken at entry 1. Nothing before it can be restored.")).toBe("");
  });

  it("ends with what came back", () => {
    expect(outcomeIn('{"files": 3, "circle": true, "backup": "proven", "words": ""}')?.files).toBe(3);
    for (const none of ["", "{}", "null", "7"]) expect(outcomeIn(none)).toBeUndefined();
  });
});
