/**
 * The offline shell: while the device does not answer, the page still opens and says so.
 *
 * Rules:
 * - Only the page and what it is built of are kept; nothing of the API, and nothing of anybody's files.
 * - The device is asked first for the page: a new release is shown the next time that it answers.
 */

/* no import here: the worker is one plain script at a fixed address */
declare const self: ServiceWorkerGlobalScope;
export {};

const SHELL = "piccolo-shell-v1";
const PAGE = "/";

async function install(): Promise<void> {
  const cache = await caches.open(SHELL);
  const page = await fetch(PAGE, { cache: "no-cache", headers: { Accept: "text/html" } });
  const html = await page.clone().text();
  const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((found) => found[1] ?? PAGE);
  await cache.put(PAGE, page);
  await cache.addAll([...new Set(parts)]); // a list that names something twice is refused
}

async function pageFirstFromDevice(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (away) {
    const kept = await caches.match(PAGE);
    if (kept) return kept;
    throw away;
  }
}

async function assetFirstFromCache(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.ok) await (await caches.open(SHELL)).put(request, fresh.clone());
  return fresh;
}

/* a new release has other assets: what the newest page does not name goes when its worker takes over */
async function activate(): Promise<void> {
  const cache = await caches.open(SHELL);
  const page = await (await cache.match(PAGE))?.text();
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url);
    if (pathname.startsWith("/assets/") && !page?.includes(pathname)) await cache.delete(url);
  }
  await self.clients.claim();
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (pathname.startsWith("/assets/")) event.respondWith(assetFirstFromCache(request));
  else if (request.mode === "navigate" && !/^\/(api|dav|metrics|\.well-known)(\/|$)/.test(pathname))
    event.respondWith(pageFirstFromDevice(request));
});
