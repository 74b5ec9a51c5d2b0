/** Long work has a sentence for each kind that the services begin: the kinds are read out of their code. */

import { describe, expect, it } from "vitest";

import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";
import { shipped } from "./services";

/** What begins work: its kind is a literal, or a constant of the same file. */
const BEGINS = /\.(?:_operating\.begin|start_operation)\(\s*("?\w+"?)/g;
/** What these two end in; whoever begins work in another way is to be read here as well. */
const RECORDERS = ["vault/adapters/metadata.py", "vault/adapters/remembered.py"];

const files = ["attestation", "fragment_store", "gateway", "vault"].flatMap((service) =>
  [...shipped(`piccolo_${service}`)].map(([name, code]) => [`${service}/${name}`, code] as const),
);

/** The kind that a word of a file's code stands for. */
function kindOf(word: string, code: string): string {
  if (word.startsWith('"')) return word.slice(1, -1);
  return new RegExp(`^${word}\\b[^=\\n]*= "(\\w+)"`, "m").exec(code)?.[1] ?? word;
}

const kinds = files.flatMap(([, code]) => [...code.matchAll(BEGINS)].map((found) => kindOf(found[1]!, code)));

it("knows all that begins work", () => {
  const recorders = files.filter(([, code]) => /StartOperationRequest\(/.test(code)).map(([name]) => name);
  expect(recorders.sort()).toEqual(RECORDERS);
  expect(kinds.length).toBeGreaterThan(3);
  expect(kinds.filter((one) => !/^[a-z]+$/.test(one))).toEqual([]);
});

describe.each(Object.entries({ en, de }))("in %s", (_, t) => {
  it("every kind of work has a sentence, and no sentence is of none", () => {
    expect(Object.keys(t.home.work).sort()).toEqual([...new Set(kinds)].sort());
  });
});
