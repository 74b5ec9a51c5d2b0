/**
 * What is to be uploaded, as a state machine without clock, network or disk.
 *
 * Rules:
 * - At most MOST are sent at once, in the order in which they came; one whose turn failed waits, and lets others go first.
 * - What may pass by itself (the device is away, busy, locked) is tried again after longer and longer waits; what will not
 *   is told, and tried again when somebody says so.
 * - A pause keeps what the device has; an end is for good. Whoever is done is done.
 * - Of an upload without an address of its own the device keeps nothing: it begins anew.
 * - The figures are those of the uploads at any moment: they are kept with each step and never counted anew.
 */

export const MOST = 3;
const WAITS = [1, 2, 4, 8, 15, 30].map((seconds) => seconds * 1000);
const TRIES = 10;

/** `missing`: the browser gave its file away when the page was loaded anew; it has to be chosen again. */
export type Stage = "waiting" | "sending" | "paused" | "failed" | "missing" | "done";

export interface Upload {
  readonly id: string;
  readonly path: string;
  readonly size: number;
  /** Seconds since 1970. */
  readonly modified: number;
  readonly media: string;
  stage: Stage;
  sent: number;
  /** Where the device keeps what it has of it, for those that can go on. */
  address: string;
  tries: number;
  /** Milliseconds; not before. */
  next: number;
  reason: string;
}

export interface Figures {
  count: Record<Stage, number>;
  /** Of all that are not ended by hand. */
  bytes: number;
  sent: number;
}

export interface Failure {
  reason: string;
  /** May pass by itself. */
  passing: boolean;
}

export class Queue {
  #all = new Map<string, Upload>();
  #waiting = new Set<string>();
  #sending = new Set<string>();
  #holds = new Set<string>();
  #figures: Figures = empty();

  /** Takes uploads in; those that are known already stay as they are. */
  add(uploads: Iterable<Upload>): void {
    for (const upload of uploads) {
      if (this.#all.has(upload.id)) continue;
      const taken = { ...upload, stage: upload.stage === "sending" ? ("waiting" as const) : upload.stage };
      this.#all.set(taken.id, taken);
      if (taken.stage === "waiting") this.#waiting.add(taken.id);
      this.#count(taken, 1);
    }
  }

  /** Those whose turn it is now; they are being sent from here on. */
  start(now: number): Upload[] {
    const started: Upload[] = [];
    if (this.#holds.size) return started;
    for (const id of this.#waiting) {
      if (this.#sending.size >= MOST) break;
      const upload = this.#all.get(id)!;
      if (upload.next > now) continue;
      this.#to(upload, "sending");
      started.push(upload);
    }
    return started;
  }

  /** When the next one may start, in milliseconds; undefined when only an event changes that. */
  due(): number | undefined {
    if (this.#holds.size || this.#sending.size >= MOST || !this.#waiting.size) return undefined;
    let first = Infinity;
    for (const id of this.#waiting) first = Math.min(first, this.#all.get(id)!.next);
    return first;
  }

  /** So many bytes are sent; fewer than before when the device has kept less. */
  progress(id: string, sent: number): void {
    const upload = this.#all.get(id);
    if (upload?.stage !== "sending") return;
    const now = Math.min(Math.max(sent, 0), upload.size);
    this.#figures.sent += now - upload.sent;
    if (upload.address && now > upload.sent) upload.tries = 0;
    upload.sent = now;
  }

  /** The device keeps what it has at an address. */
  located(id: string, address: string): void {
    const upload = this.#all.get(id);
    if (upload) upload.address = address;
  }

  done(id: string): void {
    const upload = this.#all.get(id);
    if (upload?.stage !== "sending") return;
    this.progress(id, upload.size);
    this.#to(upload, "done");
  }

  failed(id: string, failure: Failure, now: number): void {
    const upload = this.#all.get(id);
    if (upload?.stage !== "sending") return;
    upload.reason = failure.reason;
    if (!failure.passing || upload.tries >= TRIES) return this.#to(upload, "failed");
    upload.next = now + WAITS[Math.min(upload.tries, WAITS.length - 1)]!;
    upload.tries += 1;
    this.#to(upload, "waiting");
  }

  /** It stopped because it was told to; it goes on when its turn comes. */
  stopped(id: string): void {
    const upload = this.#all.get(id);
    if (upload?.stage === "sending") this.#to(upload, "waiting");
  }

  pause(id: string): void {
    const upload = this.#all.get(id);
    if (upload?.stage === "sending" || upload?.stage === "waiting") this.#to(upload, "paused");
  }

  /** It goes on, or is tried again. */
  resume(id: string): void {
    const upload = this.#all.get(id);
    if (upload?.stage !== "paused" && upload?.stage !== "failed") return;
    Object.assign(upload, { tries: 0, next: 0, reason: "" });
    this.#to(upload, "waiting");
  }

  /** Its file is not there any more. */
  lost(id: string): void {
    const upload = this.#all.get(id);
    if (upload && upload.stage !== "done") this.#to(upload, "missing");
  }

  /** Its file is there again. */
  found(id: string): void {
    const upload = this.#all.get(id);
    if (upload?.stage === "missing") this.#to(upload, "waiting");
  }

  /** It is forgotten. */
  remove(id: string): void {
    const upload = this.#all.get(id);
    if (!upload) return;
    this.#leave(upload);
    this.#count(upload, -1);
    this.#all.delete(id);
  }

  /** Nothing starts as long as there is a reason for that. */
  hold(reason: string): void {
    this.#holds.add(reason);
  }

  release(reason: string): void {
    this.#holds.delete(reason);
  }

  held(reason: string): boolean {
    return this.#holds.has(reason);
  }

  /** The device is back: who waits for it need not wait any longer. */
  hurry(): void {
    for (const id of this.#waiting) this.#all.get(id)!.next = 0;
  }

  get(id: string): Upload | undefined {
    return this.#all.get(id);
  }

  *[Symbol.iterator](): Iterator<Upload> {
    yield* this.#all.values();
  }

  get figures(): Figures {
    return { ...this.#figures, count: { ...this.#figures.count } };
  }

  #to(upload: Upload, stage: Stage): void {
    if (stage !== "done" && upload.stage === "sending" && !upload.address) this.progress(upload.id, 0);
    this.#leave(upload);
    this.#figures.count[upload.stage] -= 1;
    upload.stage = stage;
    this.#figures.count[stage] += 1;
    if (stage === "waiting") this.#waiting.add(upload.id);
    if (stage === "sending") this.#sending.add(upload.id);
  }

  #leave(upload: Upload): void {
    this.#waiting.delete(upload.id);
    this.#sending.delete(upload.id);
  }

  #count(upload: Upload, sign: 1 | -1): void {
    this.#figures.count[upload.stage] += sign;
    this.#figures.bytes += sign * upload.size;
    this.#figures.sent += sign * upload.sent;
  }
}

/** An upload that has not begun. */
export function fresh(facts: Pick<Upload, "id" | "path" | "size" | "modified" | "media">): Upload {
  return { ...facts, stage: "waiting", sent: 0, address: "", tries: 0, next: 0, reason: "" };
}

/** Which of the missing uploads a file that was chosen again belongs to: same name, size and time. */
export function belongs(upload: Upload, file: { path: string; size: number; modified: number }): boolean {
  const name = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  const same = upload.size === file.size && upload.modified === file.modified;
  return same && name(upload.path) === name(file.path);
}

function empty(): Figures {
  const count = { waiting: 0, sending: 0, paused: 0, failed: 0, missing: 0, done: 0 };
  return { count, bytes: 0, sent: 0 };
}
