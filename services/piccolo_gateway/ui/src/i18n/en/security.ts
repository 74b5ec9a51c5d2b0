import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const security = {
  title: "Security",
  words: "Who gets in, by what, and what was done.",

  sessions: "Sessions",
  sessionsWords:
    "Each browser that is logged in. Ending a session deletes nothing; whoever used it needs the passphrase again. If you don’t recognise one, end it and change the passphrase.",
  thisOne: "This browser",
  on: (browser: string, system: string) =>
    browser && system ? `${browser} on ${system}` : browser || system || "Unknown browser",
  watching: "Only watches a recovery",
  begun: (when: string) => `Started ${when}`,
  used: (when: string) => `last seen ${when}`,
  from: (address: string) => `from ${address}`,
  ends: (when: string) => `Ends on ${when} at the latest.`,
  end: "End",
  endOne: (name: string, when: string) => `End the session of ${name}, started ${when}`,
  ended: "The session has ended.",
  endOthers: (count: number) => n(count, "End the other one", "End all # others"),
  endedOthers: (count: number) => n(count, "The other session has ended.", "# other sessions have ended."),

  passphrase: "Passphrase",
  passphraseWords:
    "It opens your files on this device. It can be changed as often as you like; your files and the 24 words stay the same.",
  change: "Change the passphrase",
  changeWords:
    "All other sessions end. Tokens go on working. The old passphrase opens nothing on this device any more.",
  old: "Current passphrase",
  fresh: "New passphrase",
  changed: "The passphrase is changed. Your other sessions have ended.",

  recovery: "Recovery words",
  recoveryWords:
    "24 words that bring everything back on a blank device. They are the key to all that you have.",
  newWords: "Make new words",
  newWordsRunning: "New words are being put in force.",
  follow: "See how far it is",

  lock: "Lock",
  lockNow: "Lock now",
  log: "Audit log",
  logWords: "What was done on this device, by whom, and how it ended. Nobody can change it without a trace.",
  toLog: "Open the audit log",

  proof: "Is it you?",
  proofWords: "What you are about to do can keep others in or you out. So the device asks again.",
  prove: "Go on",
};
