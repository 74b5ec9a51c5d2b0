/** Where this device's data is: asked whenever the device is looked at, before anybody is in, too. */

import { answer, api, type Schemas } from "../api/client";

const LOOK = 2000;
const PATIENCE = 15;

class BootState {
  told = $state.raw<Schemas["Boot"] | null>(null);

  /** Whether what is kept now is in memory only because the data was not opened. */
  get degraded(): boolean {
    return this.told?.state === "degraded";
  }

  /** Whether what is kept now is in memory only, be it because nobody gave it a place for data. */
  get forgets(): boolean {
    return this.degraded || this.told?.state === "ram";
  }

  /** Whether the words were right, and the services start anew on the data. */
  opening = $state(false);

  /**
   * The services go and come back; the page begins anew with what they then are. They come back under the certificate
   * that the data holds, which this page cannot ask past: then the browser shows what it makes of that.
   */
  awaitOpened(): void {
    this.opening = true;
    let silent = 0;
    const timer = setInterval(() => {
      const looked = this.look().then(
        () => (silent = 0),
        () => silent++,
      );
      void looked.then(() => {
        if (this.degraded && silent < PATIENCE) return;
        clearInterval(timer);
        location.assign("/");
      });
    }, LOOK);
  }

  async look(): Promise<void> {
    const { boot } = await answer(api.GET("/.well-known/piccolo"));
    this.told = boot ?? null;
  }
}

export const booted = new BootState();
