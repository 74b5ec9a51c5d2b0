/** The pages: which one an address shows, and to whom. Each is loaded when it is first looked at. */

import type { Component } from "svelte";

import Away from "./errors/Away.svelte";
import type { Phase } from "../state/session.svelte";

interface Page {
  load: () => Promise<{ default: Component }>;
}

export type PageName = keyof typeof pages;

export const pages = {
  files: { load: () => import("./files/Files.svelte") },
  home: { load: () => import("./home/Home.svelte") },
  circle: { load: () => import("./circle/Circle.svelte") },
  backups: { load: () => import("./backups/Backups.svelte") },
  login: { load: () => import("./login/Login.svelte") },
  welcome: { load: () => import("./welcome/Welcome.svelte") },
  settings: { load: () => import("./settings/Settings.svelte") },
  security: { load: () => import("./security/Security.svelte") },
  ending: { load: () => import("./ending/Ending.svelte") },
  away: { load: () => Promise.resolve({ default: Away }) }, // nothing more can be loaded then
  missing: { load: () => import("./errors/Missing.svelte") },
  search: { load: () => import("./search/Search.svelte") },
  trash: { load: () => import("./trash/Trash.svelte") },
} satisfies Record<string, Page>;

/** By the first name of the address. */
const PLACES: Record<string, PageName> = {
  settings: "settings",
  security: "security",
  files: "files",
  search: "search",
  trash: "trash",
  unlock: "home",
  welcome: "home",
  circle: "circle",
  backups: "backups",
};

/** The page to show; undefined while nobody knows yet. */
export function openTo(phase: Phase, parts: string[]): PageName | undefined {
  const [place] = parts;
  if (phase === "starting") return undefined;
  if (phase === "away") return "away";
  if (phase === "login" || phase === "welcome") return phase;
  if (place === undefined) return "home";
  return PLACES[place] ?? "missing";
}
