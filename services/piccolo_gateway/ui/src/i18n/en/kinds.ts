/** What is said of a problem whose reason has no words here, by its kind. */
export const kinds: Record<string, { what: string; next: string }> = {
  INVALID: { what: "The device cannot use what was sent.", next: "Correct it, and try again." },
  NOT_FOUND: { what: "That is not there.", next: "Look at what is there now." },
  ALREADY_EXISTS: { what: "That is there already.", next: "Choose another name." },
  CONFLICT: { what: "This was changed meanwhile.", next: "Look at it as it is now, then decide anew." },
  PRECONDITION: { what: "That is not possible now.", next: "Something else has to be done first." },
  LOCKED: { what: "The device is locked.", next: "Unlock it with your passphrase." },
  DENIED: { what: "That is not allowed.", next: "It stays refused until that has changed." },
  UNAUTHENTICATED: { what: "The device does not know who you are.", next: "Log in with your passphrase." },
  EXHAUSTED: { what: "That was too much at once.", next: "Wait a few seconds, and try again." },
  FULL: {
    what: "There is no room left for this.",
    next: "Free some space, or ask the circle’s members to give more.",
  },
  UNAVAILABLE: {
    what: "What this needs does not answer at the moment.",
    next: "Nothing was lost; try again in a moment.",
  },
  TIMEOUT: { what: "That took too long.", next: "Look whether it was done, and try again." },
  DATA_LOSS: {
    what: "Something of this is damaged.",
    next: "Start a check on the backup page: what can be repaired is made from other fragments.",
  },
  OUT_OF_RANGE: { what: "That lies beyond the end.", next: "Reload the page." },
  UNIMPLEMENTED: {
    what: "The device does not offer this.",
    next: "Reload the page: it may be of another release.",
  },
  CANCELLED: { what: "This was cancelled.", next: "Start it again if you still want it." },
  INTERNAL: {
    what: "Something went wrong that nobody foresaw.",
    next: "Try again; if it stays, report the incident’s number.",
  },
};
