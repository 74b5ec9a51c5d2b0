/** What the page says stands in i18n, in every language, and nowhere else. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

import { parse, type AST } from "svelte/compiler";
import { describe, expect, it } from "vitest";

import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";

const SOURCE = join(import.meta.dirname, "../src");
const SPOKEN = new Set([
  ...["label", "title", "alt", "placeholder", "words", "detail", "help", "wrong"],
  ...["aria-label", "aria-description", "aria-placeholder", "aria-roledescription", "aria-valuetext"],
]);
/** Names that are the same in every language. */
const NAMES = new Set(["Piccolo", "English", "Deutsch", "Python"]);
/** What German says with the same letters. */
const ALIKE = new Set([
  "Apps",
  "Name",
  "Administrator",
  "Backup",
  "System",
  "Code",
  "Details",
  "Passphrase",
  "Passkey",
  "Admin",
  "Link",
  "Film",
  "Token",
  "Uploads",
]);
/** What is only said to who builds the page. */
const DEVELOPERS = /^gallery\//;
/** Elements whose text is no language of people. */
const NO_WORDS = new Set(["style", "script"]);

interface Node {
  type: string;
  name?: string;
  data?: string;
  start?: number;
  value?: unknown;
  [more: string]: unknown;
}

/** Every literal that a component shows or has read aloud, as "line: text". */
function literals(text: string): string[] {
  const found: string[] = [];
  const tell = (node: Node, said: string) => {
    const rest = [...NAMES].reduce((left, name) => left.replaceAll(name, ""), said);
    if (/\p{L}{2}/u.test(rest)) found.push(`${text.slice(0, node.start).split("\n").length}: ${said.trim()}`);
  };
  const visit = (node: Node): void => {
    if (NO_WORDS.has(node.name ?? "") && node.type === "RegularElement") return;
    if (node.type.endsWith("Directive")) return;
    if (node.type === "Text") tell(node, node.data ?? "");
    if (node.type === "ExpressionTag") return said(node, node["expression"], tell);
    if (node.type === "Attribute")
      return SPOKEN.has(node.name ?? "") ? said(node, node.value, tell) : undefined;
    for (const below of Object.values(node).flat()) if (isNode(below)) visit(below);
  };
  visit((parse(text, { modern: true }) as AST.Root).fragment as unknown as Node);
  return found;
}

/** Tells of the text that an expression may come to; names of things and what is compared are not it. */
function said(at: Node, expression: unknown, tell: (node: Node, text: string) => void): void {
  const visit = (node: Node): void => {
    if (["MemberExpression", "CallExpression", "BinaryExpression"].includes(node.type)) return;
    if (node.type === "Text") tell(at, node.data ?? "");
    if (node.type === "Literal" && typeof node.value === "string") tell(at, node.value);
    if (node.type === "TemplateElement") tell(at, (node.value as { cooked: string }).cooked);
    for (const below of Object.values(node).flat()) if (isNode(below)) visit(below);
  };
  for (const part of [expression].flat()) if (isNode(part)) visit(part);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

/** The shape of messages: which keys there are, and what kind of value each has. */
function shape(value: unknown): unknown {
  if (typeof value === "function") return `function of ${value.length}`;
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, below]) => [key, shape(below)]),
  );
}

/** All messages that are plain text, by where they stand. */
function texts(value: unknown, at = ""): [string, string][] {
  if (typeof value === "string") return [[at, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => texts(below, `${at}.${key}`));
}

const components = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".svelte"))
  .map((name) => relative(SOURCE, join(SOURCE, name)))
  .filter((name) => !DEVELOPERS.test(name));

describe("what the page says", () => {
  it("finds literals where there are some", () => {
    const component = `<p>Hello</p><input placeholder="Your name" /><b title={bad ? "Wrong" : t.fine}>{t.x}</b>
      <img alt={\`The \${x} picture\`} src="/icon.svg" /><p class="quiet">Piccolo · {a === "in" ? t.y : "Gone"}</p>`;
    expect(literals(component)).toEqual([
      "1: Hello",
      "1: Your name",
      "1: Wrong",
      "2: The",
      "2: picture",
      "2: Gone",
    ]);
  });

  it.each(components)("stands in i18n: %s", (name) => {
    expect(literals(readFileSync(join(SOURCE, name), "utf8"))).toEqual([]);
  });
});

describe("every language", () => {
  it("says the same things, with the same figures", () => {
    expect(shape(de)).toEqual(shape(en));
  });

  it("has its own words", () => {
    const english = new Map(texts(en));
    const untranslated = texts(de).filter(
      ([at, text]) => english.get(at) === text && /\p{L}{2}/u.test(text) && !ALIKE.has(text),
    );
    expect(untranslated).toEqual([]);
  });
});
