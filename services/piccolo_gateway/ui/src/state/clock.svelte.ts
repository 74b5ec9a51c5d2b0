/** The present, in seconds since 1970, for sentences such as "3 minutes ago"; moves every half minute. */

class Clock {
  now = $state(Date.now() / 1000);

  constructor() {
    setInterval(() => (this.now = Date.now() / 1000), 30_000);
  }
}

export const clock = new Clock();
