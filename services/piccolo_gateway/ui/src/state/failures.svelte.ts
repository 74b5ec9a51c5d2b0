/**
 * What nobody foresaw, wherever it happened: in a handler, in a promise, or while a part of the page was loaded.
 *
 * Rules:
 * - It is told on the page, with an incident's number. What was given up is none, and what the session hears of (the
 *   device is away or locked, the session has ended) is shown already.
 * - A part that cannot be loaded while the device is away waits for it. When the device answers, it has another release
 *   by now: the page is loaded anew, but not twice in a row for a part, which may be gone for good.
 */

import { Problem } from "../api/problem";
import { failureOf, type Failure } from "../core/failure";
import { router } from "./router.svelte";
import { session } from "./session.svelte";

const TRIED = "piccolo.loaded-anew.";
const IN_A_ROW = 600_000; // milliseconds

class Failures {
  shown = $state.raw<Failure>();

  /* the errors of parts that did not load, as the loader tells them apart */
  #parts = new WeakSet<Error>();

  listen(): void {
    addEventListener("vite:preloadError", (event) => this.#parts.add(event.payload));
    addEventListener("unhandledrejection", (event) => {
      if (this.#hear(event.reason)) event.preventDefault();
    });
    addEventListener("error", (event) => {
      /* without an error it is the browser's remark, such as on a ResizeObserver that was called twice */
      if (event.error) this.#hear(event.error);
    });
  }

  of(error: unknown): Failure {
    return failureOf(error, router.parts[0] ?? "", new Date(), Math.random());
  }

  /** Whoever goes to another page leaves what failed on this one. */
  forget(): void {
    this.shown = undefined;
  }

  /** Returns whether it is no incident. */
  #hear(error: unknown): boolean {
    if (foreseen(error)) return true;
    if (error instanceof Error && this.#parts.has(error)) {
      void this.#lost(error);
      return true;
    }
    this.#tell(error);
    return false;
  }

  /** The first one is told: what follows may be its consequence. */
  #tell(error: unknown): void {
    this.shown ??= this.of(error);
  }

  async #lost(part: Error): Promise<void> {
    if (!(await session.answers())) return;
    const tried = TRIED + part.message;
    if (Date.now() - Number(sessionStorage.getItem(tried)) < IN_A_ROW) return this.#tell(part);
    sessionStorage.setItem(tried, String(Date.now()));
    location.reload();
  }
}

function foreseen(error: unknown): boolean {
  if (error instanceof Problem)
    return error.aborted || error.status === 0 || error.status === 401 || error.reason === "LOCKED";
  return error instanceof DOMException && error.name === "AbortError";
}

export const failures = new Failures();
