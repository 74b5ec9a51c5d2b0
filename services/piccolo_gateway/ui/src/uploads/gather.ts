/** Files and folders as a browser hands them over: dropped (handles, entries or bare files) or chosen. */

import type { Handle } from "./shelf";

export interface Found {
  file: File;
  /** Below what was dropped: "Photos/2026/dawn.jpg". */
  path: string;
  handle?: Handle;
}
export interface Gathered {
  files: Found[];
  /** Folders that hold nothing, which no file would bring along. */
  empty: string[];
}

/* not in TypeScript's library yet: https://wicg.github.io/file-system-access/ */
type WithHandle = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };
type Look = () => Promise<void>;

/** All that was dropped. Must be called in the drop's own turn: the browser empties its list afterwards. */
export function dropped(transfer: DataTransfer): Promise<Gathered> {
  const gathered: Gathered = { files: [], empty: [] };
  const looks = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => lookAt(item as WithHandle, gathered));
  return inTurn(looks).then(() => gathered);
}

/** All that was chosen, in folders where the browser tells of them. */
export function chosen(files: FileList): Gathered {
  const found = [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  return { files: found, empty: [] };
}

function lookAt(item: WithHandle, into: Gathered): Look {
  const handled = item.getAsFileSystemHandle?.().catch(() => null);
  const entry = item.webkitGetAsEntry();
  const bare = item.getAsFile();
  return async () => {
    const handle = await handled;
    if (handle) return byHandle(handle, "", into);
    if (entry) return byEntry(entry, into);
    if (bare) into.files.push({ file: bare, path: bare.name });
  };
}

async function byHandle(handle: FileSystemHandle, above: string, into: Gathered): Promise<void> {
  const path = above + handle.name;
  if (handle.kind === "file") {
    into.files.push({ file: await (handle as Handle).getFile(), path, handle: handle as Handle });
    return;
  }
  let any = false;
  for await (const below of (handle as FileSystemDirectoryHandle).values()) {
    any = true;
    await byHandle(below, `${path}/`, into);
  }
  if (!any) into.empty.push(path);
}

async function byEntry(entry: FileSystemEntry, into: Gathered): Promise<void> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    into.files.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  let any = false;
  for (;;) {
    /* a reader gives about a hundred at a time, and none at the end */
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (!some.length) break;
    any = true;
    for (const below of some) await byEntry(below, into);
  }
  if (!any) into.empty.push(path);
}

async function inTurn(looks: Look[]): Promise<void> {
  for (const look of looks) await look();
}
