/** Who is here, and what the device is ready for. */

import { answer, api, onProblem, type Schemas } from "../api/client";
import { Problem } from "../api/problem";
import { booted } from "./boot.svelte";
import { drafts } from "./drafts.svelte";
import { live } from "./events.svelte";
import { router } from "./router.svelte";

export type Status = Schemas["DeviceStatus"];
export type Phase = "starting" | "away" | "welcome" | "login" | "in";

type Scope = "none" | "watch" | "all";

const RETRY = 3000;
const PATIENCE = 8000;
/* a blank device has no sessions but one that watches a recovery: whoever began one asks for that */
const RECOVERY = "piccolo.recovery";

class Session {
  phase = $state<Phase>("starting");
  status = $state.raw<Status>();
  current = $state.raw<Schemas["Session"]>();
  /** Whether this browser began a recovery, and may watch it and nothing else. */
  watching = $state(false);
  /** Whether a session ended while somebody was here, who will come back to where that was. */
  ended = $state(false);

  #again: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    onProblem((problem) => this.#heard(problem));
    live.on("closed", () => void this.look());
    /* it may have been locked, or left by another tab, while nobody looked */
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.phase === "in") void this.look();
    });
  }

  /** Looks at the device, and at whether this browser has a session. */
  async look(): Promise<void> {
    clearTimeout(this.#again);
    try {
      const [status] = await Promise.all([answer(api.GET("/api/v1/status")), booted.look()]);
      /* a device has one owner: it is another person's only after it was nobody's */
      if (nobodys(status)) drafts.forget();
      const asks = !nobodys(status) || localStorage.getItem(RECOVERY) !== null;
      const scope = asks ? await this.#scope() : "none";
      this.status = status;
      this.watching = scope === "watch";
      if (!this.watching) localStorage.removeItem(RECOVERY);
      this.#to(phaseOf(status, scope));
    } catch {
      if (this.phase === "starting") this.#to("away");
      this.#again = setTimeout(() => void this.look(), RETRY);
    }
  }

  /** Whether the device answers; while it does not, that is shown. */
  async answers(): Promise<boolean> {
    try {
      await answer(api.GET("/api/v1/status", { signal: AbortSignal.timeout(PATIENCE) }));
      return true;
    } catch (failed) {
      if (failed instanceof Problem && failed.reason !== "OFFLINE") return true;
      this.#to("away");
      await this.look();
      return false;
    }
  }

  /** What this browser's session may do. */
  async #scope(): Promise<Scope> {
    try {
      const { sessions } = await answer(api.GET("/api/v1/sessions"));
      this.current = sessions.find((one) => one.current);
      return "all";
    } catch (failed) {
      this.current = undefined;
      if (failed instanceof Problem && failed.status === 401) return "none";
      if (failed instanceof Problem && failed.reason === "SCOPE_MISSING") return "watch";
      throw failed;
    }
  }

  /** A session has begun with the last answer. */
  async begun(): Promise<void> {
    this.ended = false;
    await this.look();
  }

  /** A recovery has begun with the last answer. */
  async recovering(): Promise<void> {
    localStorage.setItem(RECOVERY, "begun");
    await this.look();
  }

  /** Ends this browser's session: whoever leaves on purpose leaves nothing behind. */
  async end(): Promise<void> {
    await answer(
      api.DELETE("/api/v1/sessions/{session_id}", { params: { path: { session_id: "current" } } }),
    );
    this.current = undefined;
    this.#to("login");
    drafts.forget();
  }

  #to(phase: Phase): void {
    if (phase === "login" && this.phase !== "login") drafts.keep(router.path);
    this.phase = phase;
    if (phase === "in" || (phase === "welcome" && (this.current || this.watching))) live.open();
    else live.close();
  }

  #heard(problem: Problem): void {
    const ended = problem.status === 401 && ["SESSION_ENDED", "LOGIN_NEEDED"].includes(problem.reason);
    const inside = this.phase === "in" || (this.phase === "welcome" && this.current);
    if (inside && (ended || problem.reason === "LOCKED")) {
      this.current = undefined;
      this.ended = ended;
      this.#to("login");
    }
  }
}

/** Whether the device has no owner, and so no sessions. */
function nobodys({ keys, recovering }: Status): boolean {
  return !recovering && (keys === "empty" || keys === "unconfirmed");
}

/** What is shown: the way in for a device without an owner or a circle, and for one that is being recovered. */
function phaseOf(status: Status, scope: Scope): Phase {
  if (scope === "watch" || status.recovering || nobodys(status)) return "welcome";
  if (scope === "none" || status.keys === "locked") return "login";
  return status.circle ? "in" : "welcome";
}

export const session = new Session();
