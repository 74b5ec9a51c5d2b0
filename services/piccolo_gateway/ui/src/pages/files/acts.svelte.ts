/** What is done to entries: each act says what it did, and how it is undone where it can be. */

import { type Entry } from "../../api/files";
import { answer, api } from "../../api/client";
import { Problem } from "../../api/problem";
import { join, nameOf, parentOf } from "../../core/paths";
import { i18n } from "../../i18n/i18n.svelte";
import { changes } from "../../state/changes";
import { toasts } from "../../state/toasts.svelte";

const AT_ONCE = 4;

export interface Work {
  label: string;
  done: number;
  total: number;
}

class Acts {
  /** What takes longer than a moment. */
  work = $state<Work>();
  problem = $state.raw<Problem>();

  #stopped = false;

  stop(): void {
    this.#stopped = true;
  }

  async makeFolder(path: string): Promise<boolean> {
    return this.#each(i18n.t.files.create, [path], async () => {
      await answer(api.PUT("/api/v1/directories/{path}", { params: { path: { path } } }));
    }).then((made) => this.#said(made, () => toasts.say(i18n.t.files.made(nameOf(path)))));
  }

  async rename(path: string, name: string): Promise<boolean> {
    const to = join(parentOf(path), name);
    const done = await this.#each(i18n.t.files.moving, [path], (from) => move(from, to));
    return this.#said(done, () => toasts.say(i18n.t.files.renamed(name), () => this.#back(to, path)));
  }

  async move(paths: string[], into: string): Promise<boolean> {
    const to = (path: string) => join(into, nameOf(path));
    const done = await this.#each(i18n.t.files.moving, paths, (path) => move(path, to(path)));
    return this.#said(done, () =>
      toasts.say(i18n.t.files.moved(done.length, shown(into)), async () => {
        await this.#each(i18n.t.files.moving, done, (path) => move(to(path), path));
        changes.tell();
      }),
    );
  }

  async copy(paths: string[], into: string): Promise<boolean> {
    const done = await this.#each(i18n.t.files.copying, paths, async (source) => {
      const body = { source, destination: join(into, nameOf(source)), overwrite: false };
      await answer(api.POST("/api/v1/copy", { body }));
    });
    return this.#said(done, () => toasts.say(i18n.t.files.copied(done.length, shown(into))));
  }

  /** Into the trash. */
  async remove(entries: Pick<Entry, "path">[]): Promise<boolean> {
    const ids = new Map<string, number>();
    const paths = entries.map(({ path }) => path);
    const done = await this.#each(i18n.t.files.removing, paths, async (path) => {
      const query = { recursive: true, purge: false };
      const { trash_id } = await answer(
        api.DELETE("/api/v1/files/{path}", { params: { path: { path }, query } }),
      );
      if (trash_id) ids.set(path, trash_id);
    });
    return this.#said(done, () =>
      toasts.say(i18n.t.files.removed(done.length), async () => {
        const back = await this.#each(i18n.t.files.moving, [...ids.keys()], (path) =>
          restore(ids.get(path)!),
        );
        if (back.length) toasts.say(i18n.t.files.restored);
        changes.tell();
      }),
    );
  }

  /** For good. */
  async purge(paths: string[]): Promise<boolean> {
    let files = 0;
    const done = await this.#each(i18n.t.files.removing, paths, async (path) => {
      const query = { recursive: true, purge: true };
      const gone = await answer(api.DELETE("/api/v1/files/{path}", { params: { path: { path }, query } }));
      files += gone.files;
    });
    return this.#said(done, () => toasts.say(i18n.t.files.purged(files)));
  }

  async #back(from: string, to: string): Promise<void> {
    await this.#each(i18n.t.files.moving, [from], () => move(from, to));
    changes.tell();
  }

  #said(done: string[], say: () => void): boolean {
    if (done.length) {
      changes.tell();
      say();
    }
    return done.length > 0;
  }

  /** Does it to all, some at once; those that it was done to. The first problem ends it and is shown. */
  async #each(label: string, paths: string[], act: (path: string) => Promise<unknown>): Promise<string[]> {
    this.problem = undefined;
    this.#stopped = false;
    this.work = paths.length > 1 ? { label, done: 0, total: paths.length } : undefined;
    const left = [...paths].reverse();
    const done: string[] = [];
    const worker = async () => {
      for (let path = left.pop(); path !== undefined && !this.#stopped; path = left.pop()) {
        await act(path);
        done.push(path);
        if (this.work) this.work.done = done.length;
      }
    };
    const all = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => this.#halting(worker)));
    const failed = all.find((one) => one.status === "rejected");
    if (failed)
      this.problem = failed.reason instanceof Problem ? failed.reason : Problem.offline(failed.reason);
    this.work = undefined;
    return done;
  }

  async #halting(worker: () => Promise<void>): Promise<void> {
    try {
      await worker();
    } catch (failed) {
      this.#stopped = true;
      throw failed;
    }
  }
}

/** Out of the trash, to where it was or to another path; what came back. */
export function restore(trash_id: number, path?: string): Promise<Entry> {
  const params = { path: { trash_id: String(trash_id) } };
  return answer(
    api.POST("/api/v1/trash/{trash_id}/restore", { params, body: path === undefined ? {} : { path } }),
  );
}

async function move(source: string, destination: string): Promise<void> {
  await answer(api.POST("/api/v1/move", { body: { source, destination, overwrite: false } }));
}

/** A folder's name for a sentence. */
export function shown(path: string): string {
  return nameOf(path) || i18n.t.files.title;
}

export const acts = new Acts();
