/**
 * What the page says, in the visitor's language; changed live.
 *
 * Rules:
 * - A language is loaded when it is spoken: two are half of all that a first visit would load.
 * - What is said while nothing can be loaded (the device is away, the page failed) comes with the page in all of them.
 */

import type { Facts } from "../core/attention";
import * as format from "../core/format";
import { clock } from "../state/clock.svelte";
import { common as germanCommon } from "./de/common";
import { shell as germanShell } from "./de/shell";
import type { en } from "./en";
import { common } from "./en/common";
import { shell } from "./en/shell";

export type Messages = typeof en;
export type Language = "en" | "de";

const KEY = "piccolo.language";
const FIRST: Record<Language, Pick<Messages, "common" | "shell">> = {
  en: { common, shell },
  de: { common: germanCommon, shell: germanShell },
};
const ALL: Record<Language, () => Promise<Messages>> = {
  en: async () => (await import("./en")).en,
  de: async () => (await import("./de")).de,
};

class I18n {
  language = $state<Language>(preferred());

  #loaded = $state.raw<Partial<Record<Language, Messages>>>({});

  constructor() {
    document.documentElement.lang = this.language;
    addEventListener("storage", () => void this.#speak());
  }

  /** All messages of the language that is chosen; until it is loaded, `common` and `shell` alone. */
  get t(): Messages {
    return this.#loaded[this.language] ?? (FIRST[this.language] as Messages);
  }

  /** To be awaited before a page is shown. */
  async load(language = this.language): Promise<void> {
    if (this.#loaded[language]) return;
    const messages = await ALL[language]();
    this.#loaded = { ...this.#loaded, [language]: messages };
  }

  async choose(language: Language): Promise<void> {
    localStorage.setItem(KEY, language);
    await this.#speak();
  }

  /** Also what another tab of this browser has chosen; of choices that overtake each other the latest counts. */
  async #speak(): Promise<void> {
    const language = preferred();
    await this.load(language);
    if (language !== preferred()) return;
    this.language = language;
    document.documentElement.lang = language;
  }

  /** What is the matter, and what helps; undefined for a reason that has no words here. */
  matter = (facts: Facts) => this.t.attention[facts.reason]?.(facts, { time: this.day, bytes: this.bytes });

  bytes = (count: number) => format.bytes(count, this.language);
  count = (value: number) => format.count(value, this.language);
  percent = (share: number) => format.percent(share, this.language);
  ago = (then: number) => format.relative(then, clock.now, this.language);
  exact = (seconds: number) => format.exact(seconds, this.language);
  day = (seconds: number) => format.day(seconds, this.language);
  duration = (seconds: number) => format.duration(seconds, this.language);
}

function preferred(): Language {
  const wanted = [localStorage.getItem(KEY), ...navigator.languages].map((one) => one?.slice(0, 2));
  return (wanted.find((one) => one && one in FIRST) as Language | undefined) ?? "en";
}

export const i18n = new I18n();
