/** What the page says, in the visitor's language; changed live. */

import type { Facts } from "../core/attention";
import * as format from "../core/format";
import { clock } from "../state/clock.svelte";
import { de } from "./de";
import { en } from "./en";

export type Messages = typeof en;
export type Language = "en" | "de";

const KEY = "piccolo.language";
const ALL: Record<Language, Messages> = { en, de };

class I18n {
  language = $state<Language>(preferred());

  constructor() {
    document.documentElement.lang = this.language;
    addEventListener("storage", () => this.#speak(preferred()));
  }

  /** All messages of the language that is chosen. */
  get t(): Messages {
    return ALL[this.language];
  }

  choose(language: Language): void {
    localStorage.setItem(KEY, language);
    this.#speak(language);
  }

  /** Also what another tab of this browser has chosen. */
  #speak(language: Language): void {
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
  return (wanted.find((one) => one && one in ALL) as Language | undefined) ?? "en";
}

export const i18n = new I18n();
