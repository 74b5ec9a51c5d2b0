/** What the pages of files ask of the device, in more than one place. */

import { toAddress } from "../core/paths";
import { answer, api, type Schemas } from "./client";
import { Problem } from "./problem";

export type Entry = Schemas["Entry"];
export type Removed = Schemas["Removed"];

export const PAGE = 1000;
/* an address may have 8 KiB, and the browser needs some of them for itself */
const LONGEST = 6000;

/** A page of a directory's entries. */
export function page(path: string, token: string, size = PAGE) {
  const query = { page_size: size, page_token: token };
  return path === "/"
    ? answer(api.GET("/api/v1/directories", { params: { query } }))
    : answer(api.GET("/api/v1/directories/{path}", { params: { path: { path }, query } }));
}

/** All entries of a directory, page by page; `end` says whether that was the last one. */
export async function* pages(path: string): AsyncGenerator<{ entries: Entry[]; end: boolean }> {
  for (let token = "", end = false; !end;) {
    const got = await page(path, token);
    token = got.next_page_token;
    end = !token;
    yield { entries: got.entries, end };
  }
}

/** The address of an entry's page, or of the folder that shows it. */
export function placeOf(path: string): string {
  return `/files/${toAddress(path)}`.replace(/\/$/, "");
}

/** Where entries come as one ZIP file, made on the way; empty when they are too many to be named in an address. */
export function archiveAddress(paths: string[]): string {
  const base = "/api/v1/archives";
  if (paths.length === 1) return `${base}/${toAddress(paths[0]!)}`;
  const address = `${base}?${new URLSearchParams(paths.map((path) => ["path", path]))}`;
  return address.length > LONGEST ? "" : address;
}

/** The result, or undefined where there is no such thing. */
export async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (failed) {
    if (failed instanceof Problem && failed.status === 404) return undefined;
    throw failed;
  }
}
