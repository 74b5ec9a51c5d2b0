/** The audit log as far as somebody has read it: pages backwards, and what is added at the top meanwhile. */

import { answer, api, type Schemas } from "../api/client";
import { Problem } from "../api/problem";
import type { Asked } from "../core/trail";

const PAGE = 100;
const PAGE_TO_SAVE = 1000;

/** All events that are asked for and fit, newest first. Raises Problem rather than to give a part of them. */
export async function collected(
  asked: Asked,
  fits: (event: Schemas["AuditEvent"]) => boolean,
): Promise<Schemas["AuditEvent"][]> {
  const found: Schemas["AuditEvent"][] = [];
  for (let token = ""; ;) {
    const query = { page_size: PAGE_TO_SAVE, page_token: token, ...asked };
    const page = await answer(api.GET("/api/v1/audit", { params: { query } }));
    found.push(...page.events.filter(fits));
    token = page.next_page_token;
    if (!token) return found;
  }
}

export class Trail {
  events = $state.raw<Schemas["AuditEvent"][]>([]);
  /** Whether the oldest one is there. */
  whole = $state(false);
  loading = $state(false);
  problem = $state.raw<Problem>();

  #asked: Asked = {};
  #next = "";
  #round = 0;

  /** Begins anew, with all events or those that ended so, or were in that time. */
  async begin(asked: Asked): Promise<void> {
    this.#asked = asked;
    this.#round += 1;
    this.#next = "";
    this.events = [];
    this.whole = this.loading = false;
    await this.more();
  }

  /** Adds the page before the oldest one. */
  async more(): Promise<void> {
    if (this.whole || this.loading) return;
    const round = this.#round;
    this.loading = true;
    const page = await this.#page(this.#next);
    if (round !== this.#round) return;
    this.loading = false;
    if (!page) return;
    this.events = [...this.events, ...page.events];
    this.#next = page.next_page_token;
    this.whole = !page.next_page_token;
  }

  /** Adds what was done since; where that is more than a page, begins anew. */
  async look(): Promise<void> {
    const round = this.#round;
    const page = await this.#page("");
    if (!page || round !== this.#round) return;
    const newest = this.events[0]?.number ?? 0;
    const added = page.events.filter((one) => one.number > newest);
    if (added.length === page.events.length && newest) return this.begin(this.#asked);
    if (added.length) this.events = [...added, ...this.events];
  }

  async #page(token: string): Promise<Schemas["AuditEvents"] | undefined> {
    const query = { page_size: PAGE, ...(token ? { page_token: token } : {}), ...this.#asked };
    try {
      const page = await answer(api.GET("/api/v1/audit", { params: { query } }));
      this.problem = undefined;
      return page;
    } catch (failed) {
      if (!(failed instanceof Problem)) throw failed;
      this.problem = failed;
      return undefined;
    }
  }
}
