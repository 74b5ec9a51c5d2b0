/**
 * Bytes on their way: a small file with one PUT, a larger one by tus, which goes on where it was cut. Both take the file
 * from the disk as they send it: however large it is, the tab holds none of it.
 */

import { fileAddress } from "../api/client";
import { Problem, problemOf } from "../api/problem";
import type { Upload } from "../core/queue";

/* below this a second request costs more than beginning anew */
export const WHOLE = 4 * 1024 * 1024;

export interface Hooks {
  onsent: (bytes: number) => void;
  /** The device keeps what it has of it at an address. */
  onlocated: (address: string) => void;
  signal: AbortSignal;
}

/** Sends a file; returns when the device has stored it. Raises Problem. */
export async function send(upload: Upload, file: File, hooks: Hooks): Promise<void> {
  const way = upload.size < WHOLE && !upload.address ? put : resumable;
  try {
    await way(upload, file, hooks);
  } catch (failed) {
    if (failed instanceof Problem && failed.reason === "OFFLINE" && !(await readable(file))) {
      throw new Problem(0, "FILE_GONE", String(failed));
    }
    throw failed;
  }
}

/** Ends what the device keeps of an upload. */
export async function abandon(address: string): Promise<void> {
  await fetch(address, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } });
}

async function readable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function put(upload: Upload, file: File, { onsent, signal }: Hooks): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const cut = () => request.abort();
    const ended = (settle: () => void) => () => {
      signal.removeEventListener("abort", cut);
      settle();
    };
    request.open("PUT", fileAddress(upload.path));
    request.setRequestHeader("Content-Type", upload.media || "application/octet-stream");
    request.setRequestHeader("X-Modified", String(upload.modified));
    request.upload.onprogress = (event) => onsent(event.loaded);
    request.onload = ended(() => (request.status < 300 ? resolve() : reject(told(request))));
    request.onerror = ended(() => reject(new Problem(0, "OFFLINE", "the connection was cut")));
    request.onabort = ended(() => reject(new Problem(0, "ABORTED", "stopped")));
    signal.addEventListener("abort", cut);
    request.send(file);
  });
}

async function resumable(upload: Upload, file: File, hooks: Hooks): Promise<void> {
  const tus = await import("tus-js-client");
  await new Promise<void>((resolve, reject) => {
    const sending = new tus.Upload(file, {
      endpoint: `${location.origin}/api/v1/uploads`,
      uploadUrl: upload.address || null,
      uploadSize: upload.size,
      metadata: {
        path: upload.path,
        modified: String(upload.modified),
        ...(upload.media && { filetype: upload.media }),
      },
      storeFingerprintForResuming: false,
      retryDelays: null,
      onProgress: hooks.onsent,
      onUploadUrlAvailable: () => sending.url && hooks.onlocated(sending.url),
      onSuccess: () => resolve(),
      onError: (failed) => reject(problemIn(failed)),
    });
    hooks.signal.addEventListener("abort", () => {
      void sending.abort();
      reject(new Problem(0, "ABORTED", "stopped"));
    });
    sending.start();
  });
}

function problemIn(failed: Error): Problem {
  const response = (failed as Partial<import("tus-js-client").DetailedError>).originalResponse;
  if (!response) return new Problem(0, "OFFLINE", failed.message);
  return told({
    status: response.getStatus(),
    responseText: response.getBody(),
    getResponseHeader: (name) => response.getHeader(name) ?? null,
  });
}

function told(request: Pick<XMLHttpRequest, "status" | "responseText" | "getResponseHeader">): Problem {
  const headers = { "Retry-After": request.getResponseHeader("Retry-After") ?? "0" };
  let body: unknown;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    body = undefined;
  }
  return problemOf(new Response(null, { status: request.status || 502, headers }), body);
}
