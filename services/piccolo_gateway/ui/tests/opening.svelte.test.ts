/** What somebody types in a dialog stays, whatever is told of the circle meanwhile. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { flushSync } from "svelte";
import { expect, test } from "vitest";

import { whenOpened } from "../src/state/opening.svelte";

const REMOVE = join(import.meta.dirname, "../src/pages/circle/Remove.svelte");

/** The dialog that removes a member, without its picture: a fresh object comes with every change in the circle. */
function dialog() {
  const it = $state({ open: false, typed: "", chosen: "" });
  let member = $state.raw({ self: false, name: "Ana", heard: 1 });
  const end = $effect.root(() =>
    whenOpened(
      () => it.open,
      () => ([it.chosen, it.typed] = [member.self ? "leaving" : "expelled", ""]),
    ),
  );
  const told = (change: Partial<typeof member>) => {
    member = { ...member, ...change };
    flushSync();
  };
  const open = (opened: boolean) => {
    it.open = opened;
    flushSync();
  };
  flushSync();
  return { it, told, open, end };
}

test("an update while it is open takes nothing away", () => {
  const { it, told, open, end } = dialog();
  open(true);
  expect(it.chosen).toBe("expelled");
  [it.typed, it.chosen] = ["An", "compromised"];
  told({ heard: 2 });
  told({ self: true });
  expect([it.typed, it.chosen]).toEqual(["An", "compromised"]);
  end();
});

test("whoever opens it again begins anew, with what is known by then", () => {
  const { it, told, open, end } = dialog();
  open(true);
  it.typed = "Ana";
  open(false);
  expect(it.typed).toBe("Ana");
  told({ self: true });
  open(true);
  expect([it.typed, it.chosen]).toEqual(["", "leaving"]);
  end();
});

test("the dialog that removes a member begins so, and by nothing else", () => {
  const source = readFileSync(REMOVE, "utf8");
  expect(source).toContain("whenOpened(");
  expect(source).not.toContain("$effect");
});
