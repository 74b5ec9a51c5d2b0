/**
 * What is to be uploaded, kept in IndexedDB over a reload, with the browser's way to each file where it has one.
 *
 * Each tab owns its uploads, by a Web Lock that ends with the tab: what belongs to no living tab is taken over by the
 * next one that opens, once.
 */

import type { Upload } from "../core/queue";

export type Handle = FileSystemFileHandle;
export interface Kept extends Upload {
  tab: string;
  handle?: Handle;
}

const NAME = "piccolo";
const STORE = "uploads";
const LOCK = "piccolo.uploads.";
const tab = crypto.randomUUID();
let opened: Promise<IDBDatabase> | undefined;

/** Writes uploads as they are now. */
export async function keep(uploads: Upload[], handles: ReadonlyMap<string, Handle>): Promise<void> {
  if (!uploads.length) return;
  await within("readwrite", (store) => {
    for (const upload of uploads) {
      const handle = handles.get(upload.id);
      store.put({ ...upload, tab, ...(handle && { handle }) } satisfies Kept);
    }
  });
}

/** Forgets uploads. */
export async function forget(ids: string[]): Promise<void> {
  if (ids.length) await within("readwrite", (store) => ids.forEach((id) => store.delete(id)));
}

/** Takes over what closed tabs have left. */
export async function adopt(): Promise<Kept[]> {
  return navigator.locks.request(`${LOCK}adopt`, async () => {
    const { held } = await navigator.locks.query();
    const alive = new Set(held?.map((lock) => lock.name?.slice(LOCK.length)));
    void navigator.locks.request(LOCK + tab, () => new Promise(() => {}));
    const left = (await all()).filter((one) => !alive.has(one.tab));
    await within("readwrite", (store) => left.forEach((one) => store.put({ ...one, tab })));
    return left;
  });
}

/** Whether uploads wait there, also another tab's; false where the browser keeps nothing. */
export async function anything(): Promise<boolean> {
  return (await all().catch(() => [])).length > 0;
}

async function all(): Promise<Kept[]> {
  let found: IDBRequest<Kept[]> | undefined;
  await within("readonly", (store) => (found = store.getAll() as IDBRequest<Kept[]>));
  return found?.result ?? [];
}

async function within(mode: IDBTransactionMode, act: (store: IDBObjectStore) => unknown): Promise<void> {
  const database = await (opened ??= open());
  await new Promise<void>((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the browser keeps nothing"));
    act(transaction.objectStore(STORE));
  });
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing"));
  });
}
