/** Installs what shows the page while the device does not answer; browsers without it go on without. */

const ADDRESS = "/sw.js";

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

export async function installWorker(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  const policy = types?.createPolicy("piccolo-worker", { createScriptURL: () => ADDRESS });
  try {
    await navigator.serviceWorker.register(policy?.createScriptURL(ADDRESS) ?? ADDRESS);
  } catch {
    // a certificate that the browser was told to bear is not good enough for workers: the page works without
  }
}
