import { describe, expect, it } from "vitest";

import { Drafts } from "../src/core/drafts";

const PAGE = "/circle";

function typing(drafts: Drafts, form: string, text: string | undefined) {
  const state = { text };
  return { state, end: drafts.watch(form, () => state.text) };
}

describe("what was typed when a session ended", () => {
  it("is what stands in the form at that moment, for its form alone and once", () => {
    const drafts = new Drafts();
    const form = typing(drafts, "invite", "for");
    form.state.text = "for Anna";
    drafts.keep(PAGE);
    form.end();
    expect(drafts.take(PAGE, "another")).toBeUndefined();
    expect(drafts.take("/files", "invite")).toBeUndefined();
    expect(drafts.take(PAGE, "invite")).toBe("for Anna");
    expect(drafts.take(PAGE, "invite")).toBeUndefined();
  });

  it("is nothing where the form was sent, closed or left before", () => {
    const drafts = new Drafts();
    const sent = typing(drafts, "sent", "text");
    sent.state.text = undefined;
    typing(drafts, "left", "text").end();
    drafts.keep(PAGE);
    expect([drafts.take(PAGE, "sent"), drafts.take(PAGE, "left")]).toEqual([undefined, undefined]);
  });

  it("stays for a form that comes only later, also past another end of a session", () => {
    const drafts = new Drafts();
    typing(drafts, "invite", "text").end();
    const form = typing(drafts, "invite", "text");
    drafts.keep(PAGE);
    form.end();
    drafts.keep(PAGE);
    expect(drafts.take(PAGE, "invite")).toBe("text");
  });

  it("is gone for whoever comes next", () => {
    const drafts = new Drafts();
    typing(drafts, "invite", "text");
    drafts.keep(PAGE);
    drafts.forget();
    expect(drafts.take(PAGE, "invite")).toBeUndefined();
  });

  it("is that of the form that is there, when one came before the other of its name had gone", () => {
    const drafts = new Drafts();
    const first = typing(drafts, "name", "old");
    typing(drafts, "name", "new");
    first.end();
    drafts.keep(PAGE);
    expect(drafts.take(PAGE, "name")).toBe("new");
  });

  it("keeps forms and pages apart whatever they are called", () => {
    const drafts = new Drafts();
    typing(drafts, 'b","c', "text");
    drafts.keep("a");
    expect(drafts.take('a","b', "c")).toBeUndefined();
    expect(drafts.take("a", 'b","c')).toBe("text");
  });
});
