import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

/** Ending the device: restart, shutdown, factory reset. */
export const power = {
  title: "Restart, shut down, reset",
  titleWords: "End this device, for a moment or for good",
  none: "Here Piccolo is a set of programs on somebody’s computer, and no device of its own: it is ended there.",

  restart: "Restart",
  restartWords: "Everything stops in order and starts again, within a minute or two.",
  restartAsk: "Restart this device?",
  restartWhat:
    "Uploads under way stop, and go on when the device is back. Your files close until somebody gives the passphrase. The circle’s members get by without this device meanwhile.",
  shutdown: "Shut down",
  shutdownWords: "Everything stops in order, and the device switches off.",
  shutdownAsk: "Shut this device down?",
  shutdownWhat:
    "Only its power button brings it back: somebody has to be there. While it is off, the others cannot reach what it keeps for them, and you reach your files by no way that leads through it.",

  danger: "Danger zone",
  reset: "Factory reset",
  resetWords:
    "The device forgets everything and starts as on its first day: before you sell it or give it away, or to begin anew.",
  resetAsk: (name: string) => `Make “${name}” forget everything?`,
  resetNow: "Reset it now",
  gone: "Gone for good, at once",
  goneWords:
    "This device’s keys, its certificate, and what it remembers of your files, settings and log. The circle counts it as away until your words bring you back.",
  keeps: (owners: number, bytes: string) =>
    owners
      ? `The fragments that it keeps for others: ${bytes} of ${n(owners, "# member", "# members")}. Their devices rebuild them elsewhere; until then their files bear one loss less.`
      : "It keeps nothing for others at the moment.",
  keepsUnknown: "The fragments that it keeps for others.",
  stays: "Stays",
  staysWords: "Your files: they lie with the members of your circle, not here.",
  noFiles: "There are none yet.",
  healthUnknown: "How much they would survive cannot be told at the moment.",
  backupWhole: "What this device remembers about them is in your backup.",
  backupBehind: (changes: number) =>
    n(changes, "# change is not in your backup yet", "# changes are not in your backup yet") +
    ": wait until it is, or it is lost.",
  backupOff: "There is no backup at a cloud: to come back you need the printed contacts of your circle, too.",
  backupUnknown: "Whether your backup is whole cannot be told at the moment.",
  back: "The way back",
  backWords: "Your 24 words bring everything back, on this device or any other blank one.",
  testWords: "Test your words first",
  never: "Nobody can undo this, and without the 24 words nobody brings your files back.",

  going: {
    restart: "The device restarts",
    shutdown: "The device shuts down",
    reset: "The device forgets everything",
  },
  goingWords: "It ends its work in order. Leave this page open.",
  away: {
    restart: "The device starts",
    shutdown: "The device does not answer any more",
    reset: "The device begins anew",
  },
  awayWords: {
    restart:
      "This page comes back by itself as soon as the device answers; then it asks for your passphrase.",
    shutdown:
      "In a moment it is off. Its power button brings it back, and then this page comes back by itself.",
    reset: "In a minute or two it greets its first visitor.",
  },
  certificate:
    "It makes itself a new certificate, which your browser does not know yet: then this page cannot come back by itself, and the browser asks you.",
  open: "Open the device",
};
