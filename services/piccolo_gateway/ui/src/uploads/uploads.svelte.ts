/**
 * Everything that this tab uploads: the queue's rules (core/queue), with the files, the network and the browser's memory
 * joined to them. It goes on whatever page is shown, and over a reload.
 */

import { answer, api } from "../api/client";
import { Problem } from "../api/problem";
import { join, nameOf, parentOf } from "../core/paths";
import { freeName } from "../core/names";
import { belongs, fresh, Queue, type Figures, type Upload } from "../core/queue";
import { Speed } from "../core/speed";
import { changes } from "../state/changes";
import { live } from "../state/events.svelte";
import { session } from "../state/session.svelte";
import { existing, same } from "./existing";
import type { Found, Gathered } from "./gather";
import { abandon, send } from "./send";
import * as shelf from "./shelf";
import { rowsOf } from "./rows";

export type Choice = "replace" | "both" | "skip";
export interface Question {
  names: string[];
  decide: (choice: Choice | undefined) => void;
}
export interface Shown {
  rows: Upload[];
  figures: Figures;
  /** Bytes per second, and seconds that are left. */
  speed: number;
  left: number | undefined;
  held: boolean;
  /** Of the missing: so many files may be opened again when the visitor allows it. */
  allowed: number;
}

const FIGURES_EVERY = 500;
const KEPT_EVERY = 4000;
const ENDED = ["LOCKED", "LOGIN_NEEDED", "SESSION_ENDED"];
/* see https://wicg.github.io/file-system-access/#permissions; not in TypeScript's library yet */
type Permitted = shelf.Handle & {
  queryPermission?: () => Promise<PermissionState>;
  requestPermission?: () => Promise<PermissionState>;
};

class Uploads {
  shown = $state.raw<Shown>();
  question = $state.raw<Question>();
  /** How many choices are being compared with what is there. */
  looking = $state(0);

  #queue = new Queue();
  #files = new Map<string, File>();
  #handles = new Map<string, shelf.Handle>();
  #sending = new Map<string, AbortController>();
  #speed = new Speed();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #drawn = 0;
  #kept = 0;
  #changed = false;
  #asking: Promise<unknown> = Promise.resolve();

  constructor() {
    addEventListener("beforeunload", (event) => {
      const { count } = this.#queue.figures;
      if (count.sending || count.waiting) event.preventDefault();
    });
    $effect.root(() => {
      $effect(() => this.#hold("session", session.phase !== "in"));
      $effect(() => {
        if (live.connected) this.#queue.hurry();
        this.#pump();
      });
    });
    void this.#restore();
  }

  /** Takes files and folders in, below a directory; asks first where names exist. Raises Problem. */
  async add({ files, empty }: Gathered, into: string): Promise<void> {
    this.looking += 1;
    try {
      const wanted = files.map((one) => ({ ...one, path: join(into, one.path) }));
      const taken = await existing(wanted.map((one) => one.path));
      const asked = this.#asking.then(() => this.#settled(wanted, taken));
      this.#asking = asked;
      const decided = await asked;
      for (const path of empty) {
        await answer(api.PUT("/api/v1/directories/{path}", { params: { path: { path: join(into, path) } } }));
      }
      if (empty.length) changes.tell();
      await this.#take(decided);
    } finally {
      this.looking -= 1;
    }
  }

  pause(id: string): void {
    this.#queue.pause(id);
    this.#stop(id);
  }

  resume(id: string): void {
    this.#queue.resume(id);
    this.#stop(id);
  }

  /** Ends an upload; what the device has of it goes too. */
  async end(id: string): Promise<void> {
    const upload = this.#queue.get(id);
    this.#queue.remove(id);
    this.#stop(id);
    this.#drop(id);
    if (upload?.address && upload.stage !== "done") await abandon(upload.address).catch(() => undefined);
  }

  pauseAll(): void {
    this.#hold("user", true);
    for (const id of [...this.#sending.keys()]) {
      this.#queue.stopped(id);
      this.#stop(id);
    }
  }

  resumeAll(): void {
    for (const upload of this.#queue) if (upload.stage !== "missing") this.#queue.resume(upload.id);
    this.#hold("user", false);
  }

  /** Ends all that is not stored yet, or forgets what is. */
  async clear(): Promise<void> {
    this.#queue.release("user");
    for (const { id } of [...this.#queue]) void this.end(id);
  }

  /** Opens missing files again, those that the browser may open when the visitor says yes. */
  async reopen(): Promise<void> {
    for (const upload of [...this.#queue].filter((one) => one.stage === "missing")) {
      const handle = this.#handles.get(upload.id) as Permitted | undefined;
      if (handle && (await handle.requestPermission?.()) === "granted") await this.#open(upload, handle);
    }
    this.#pump();
    this.#draw(true);
  }

  /** Files that were chosen again; returns how many of them were missed. */
  again(found: Found[]): number {
    let known = 0;
    const missing = [...this.#queue].filter((one) => one.stage === "missing");
    for (const { file, path } of found) {
      const facts = { path, size: file.size, modified: seconds(file) };
      const at = missing.findIndex((one) => belongs(one, facts));
      if (at < 0) continue;
      const [upload] = missing.splice(at, 1);
      this.#files.set(upload!.id, file);
      this.#queue.found(upload!.id);
      known += 1;
    }
    this.#pump();
    this.#draw(true);
    return known;
  }

  /** Paths under which the files are stored, as the visitor decides for those whose names exist. */
  async #settled(wanted: Found[], taken: Set<string>): Promise<Found[]> {
    const known = wanted.filter((one) => taken.has(same(one.path)));
    if (!known.length) return wanted;
    const choice = await new Promise<Choice | undefined>((resolve) => {
      this.question = { names: known.map((one) => one.path), decide: resolve };
    });
    this.question = undefined;
    if (choice === undefined) return [];
    if (choice === "replace") return wanted;
    if (choice === "skip") return wanted.filter((one) => !taken.has(same(one.path)));
    return wanted.map((one) => {
      const folder = parentOf(one.path);
      const path = join(
        folder,
        freeName(nameOf(one.path), (name) => taken.has(same(join(folder, name)))),
      );
      taken.add(same(path));
      return { ...one, path };
    });
  }

  async #take(files: Found[]): Promise<void> {
    if (!files.length) return;
    this.#forgetDone();
    const uploads = files.map(({ file, path, handle }) => {
      const id = crypto.randomUUID();
      this.#files.set(id, file);
      if (handle) this.#handles.set(id, handle);
      return fresh({ id, path, size: file.size, modified: seconds(file), media: file.type });
    });
    this.#queue.add(uploads);
    this.#pump();
    this.#draw(true);
    await shelf.keep(uploads, this.#handles).catch(unkept);
  }

  async #restore(): Promise<void> {
    const left = await shelf.adopt().catch(() => []);
    this.#queue.add(left.map(({ tab: _, handle: __, ...upload }) => upload));
    for (const { id, handle } of left) {
      const upload = this.#queue.get(id)!;
      if (handle) this.#handles.set(id, handle);
      const paused = upload.stage === "paused" || upload.stage === "failed";
      this.#queue.lost(id);
      const state = await (handle as Permitted | undefined)?.queryPermission?.().catch(() => "denied");
      if (handle && state === "granted") {
        await this.#open(upload, handle);
        if (paused) this.#queue.pause(id);
      }
    }
    this.#pump();
    this.#draw(true);
  }

  async #open(upload: Upload, handle: shelf.Handle): Promise<void> {
    const file = await handle.getFile().catch(() => undefined);
    if (!file || file.size !== upload.size || seconds(file) !== upload.modified) return;
    this.#files.set(upload.id, file);
    this.#queue.found(upload.id);
  }

  #hold(reason: string, held: boolean): void {
    if (held) this.#queue.hold(reason);
    else this.#queue.release(reason);
    this.#pump();
    this.#draw(true);
  }

  #pump(): void {
    clearTimeout(this.#timer);
    for (const upload of this.#queue.start(Date.now())) void this.#send(upload);
    const due = this.#queue.due();
    if (due !== undefined) this.#timer = setTimeout(() => this.#pump(), Math.max(0, due - Date.now()));
  }

  async #send(upload: Upload): Promise<void> {
    const { id } = upload;
    const file = this.#files.get(id);
    if (!file) return this.#queue.lost(id);
    const abort = new AbortController();
    this.#sending.set(id, abort);
    const mine = () => this.#sending.get(id) === abort;
    try {
      await send(upload, file, {
        onsent: (bytes) => mine() && this.#moved(upload, bytes),
        onlocated: (address) => {
          this.#queue.located(id, address);
          void shelf.keep([upload], this.#handles).catch(unkept);
        },
        signal: abort.signal,
      });
      if (mine()) this.#done(upload);
    } catch (failed) {
      if (mine()) this.#failed(upload, failed);
    } finally {
      if (mine()) this.#sending.delete(id);
      this.#pump();
      this.#draw();
    }
  }

  #moved(upload: Upload, bytes: number): void {
    this.#speed.add(bytes - upload.sent, Date.now());
    this.#queue.progress(upload.id, bytes);
    this.#draw();
  }

  #done(upload: Upload): void {
    this.#queue.done(upload.id);
    this.#drop(upload.id);
    this.#changed = true;
  }

  #failed(upload: Upload, failed: unknown): void {
    const problem = failed instanceof Problem ? failed : new Problem(0, "BROWSER", String(failed));
    if (problem.aborted) return this.#queue.stopped(upload.id);
    if (problem.reason === "FILE_GONE") return this.#queue.lost(upload.id);
    if (ENDED.includes(problem.reason)) {
      this.#queue.stopped(upload.id);
      this.#queue.hold("session");
      void session.look();
      return;
    }
    this.#queue.failed(upload.id, { reason: problem.reason, passing: passes(problem) }, Date.now());
    void shelf.keep([upload], this.#handles).catch(unkept);
  }

  #stop(id: string): void {
    this.#sending.get(id)?.abort();
    this.#sending.delete(id);
    const upload = this.#queue.get(id);
    if (upload && upload.stage !== "done") void shelf.keep([upload], this.#handles).catch(unkept);
    this.#pump();
    this.#draw(true);
  }

  #drop(id: string): void {
    this.#files.delete(id);
    this.#handles.delete(id);
    void shelf.forget([id]).catch(unkept);
  }

  /** What was stored before is told no longer when something new begins. */
  #forgetDone(): void {
    const all = [...this.#queue];
    if (all.some((one) => one.stage !== "done")) return;
    all.forEach((one) => this.#queue.remove(one.id));
    this.#speed.clear();
  }

  /** Shows how things stand, at most twice a second unless the visitor did something. */
  #draw(now = false): void {
    const wait = now ? 0 : this.#drawn + FIGURES_EVERY - Date.now();
    if (wait > 0) {
      this.#drawing ??= setTimeout(() => this.#draw(true), wait);
      return;
    }
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    const at = (this.#drawn = Date.now());
    this.#publish(at);
    if (this.#changed) changes.tell();
    this.#changed = false;
    if (at - this.#kept > KEPT_EVERY && this.#sending.size) {
      this.#kept = at;
      const moving = [...this.#sending.keys()].map((id) => this.#queue.get(id)).filter((one) => one?.address);
      void shelf.keep(moving as Upload[], this.#handles).catch(unkept);
    }
  }

  #publish(at: number): void {
    const figures = this.#queue.figures;
    const rows = rowsOf(this.#queue);
    const waiting = figures.count.sending + figures.count.waiting > 0;
    this.shown = {
      rows,
      figures,
      speed: waiting ? this.#speed.perSecond(at) : 0,
      left: waiting ? this.#speed.left(figures.bytes - figures.sent, at) : undefined,
      held: this.#queue.held("user"),
      allowed: rows.filter((one) => one.stage === "missing" && this.#handles.has(one.id)).length,
    };
  }
}

function seconds(file: File): number {
  return Math.floor(file.lastModified / 1000);
}

/** Whether a failure may pass by itself. */
function passes(problem: Problem): boolean {
  const elsewhere = problem.status === 409 && problem.reason.startsWith("UPLOAD_");
  return (
    elsewhere || problem.reason === "OFFLINE" || [408, 425, 429, 500, 502, 503, 504].includes(problem.status)
  );
}

/* a browser that keeps nothing (private windows) uploads all the same; only a reload then forgets the queue */
function unkept(failed: unknown): void {
  console.warn("the queue is not kept over a reload", failed);
}

export const uploads = new Uploads();
