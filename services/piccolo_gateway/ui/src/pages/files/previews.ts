/** Small pictures out of the heads of photographs, a few at a time: uploads and listings need connections too. */

import { fileAddress } from "../../api/client";
import type { Entry } from "../../api/files";
import { thumbnail } from "../../core/thumbnail";

const HEAD = 65_536;
const AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** An address of the small picture, which is the caller's to revoke. Raises Error where there is none. */
export async function headPicture(entry: Entry, signal: AbortSignal): Promise<string> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    signal.throwIfAborted();
    const headers = { Range: `bytes=0-${HEAD - 1}` };
    const response = await fetch(fileAddress(entry.path, entry.version_id), { headers, signal });
    if (response.status !== 206) throw new Error("the device sent no part");
    const small = thumbnail(await response.arrayBuffer());
    if (!small) throw new Error("no small picture in its head");
    return URL.createObjectURL(new Blob([small], { type: "image/jpeg" }));
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
