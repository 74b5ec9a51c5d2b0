import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

/** What each of the owner's settings is called and means; where one is missing, the device's own words are shown. */
const known: Record<string, { label: string; meaning: string; unit: (value: number) => string }> = {
  "device.name": {
    label: "Name",
    meaning:
      "By it devices in your home’s network find this one: “Ana’s box” becomes anas-box.local, once the device starts to use it.",
    unit: () => "",
  },
  "versions.keep": {
    label: "Versions of a file",
    meaning: "So many versions of a file are kept, the current one included.",
    unit: (value) => n(value, "# version", "# versions"),
  },
  "versions.min_age_days": {
    label: "Keep every version for at least",
    meaning: "A replaced version is kept at least this long, however many newer ones there are.",
    unit: (value) => n(value, "# day", "# days"),
  },
  "trash.days": {
    label: "Time in the trash",
    meaning: "Files that you removed can be restored for this long.",
    unit: (value) => n(value, "# day", "# days"),
  },
  "storage.k": {
    label: "Fragments that rebuild a file",
    meaning: "Any of its fragments, this many, bring a new file back. 0 lets the rules choose.",
    unit: (value) => (value ? n(value, "# fragment", "# fragments") : ""),
  },
  "storage.m": {
    label: "Fragments of a file",
    meaning: "A new file is cut into so many, each for another member. 0 lets the rules choose.",
    unit: (value) => (value ? n(value, "# fragment", "# fragments") : ""),
  },
};

export const settings = {
  title: "Settings",
  general: "General",
  generalWords: "The device’s name, language, appearance",
  keeping: "Versions, trash and fragments",
  keepingWords: "How long old things stay, and how new files are spread",
  security: "Security",
  securityWords: "Sessions, tokens, second factors, passphrase, words, audit log",
  backups: "Backups and recovery",
  backupsWords: "What brings everything back, and how far it is",
  offer: "Space for others",
  offerWords: "What this device keeps for your circle",
  trust: "Trust this device",
  trustWords: "No more warning when a browser opens it",
  about: "About this device",
  aboutWords: "Versions, the API’s document",
  lock: "Lock now",
  lockWords:
    "Your files close in every browser until somebody gives the passphrase. The device goes on keeping the fragments of others.",
  leave: "Log out",
  leaveWords: "Ends this browser’s session. Your files stay open for your other sessions and programs.",

  deviceName: "Name of this device",
  inTheCircle: "In the circle",
  deviceNameWords: "So the other members know it; they see a new name within minutes.",
  renamed: "The device has its new name.",
  noCircle: "It has no name yet: it is chosen when the device joins a circle.",
  homeName: "Name in your home’s network",
  homeNow: (name: string) => `It answers to ${name} now.`,
  homeTaken: (name: string) => `Another device is called ${name} already, so this one took another name.`,
  homeNone: "It has no name there at the moment; it is reached by its address.",
  language: "Language",
  languageWords: "Of this browser. It changes at once.",
  theme: "Appearance",
  themes: { system: "Same as the system", light: "Light", dark: "Dark" },
  motion: "Motion",
  motions: { system: "As the system", still: "None" },
  motionWords: "Without motion nothing slides or turns; it is simply there.",

  keepingIntro:
    "These are yours, and part of your backup. They hold for what happens from now on; what is stored already stays as it is.",
  olds: "What is replaced or removed",
  spread: "How new files are spread",
  spreadWords:
    "The rules know your circle and choose well for nearly everybody. Other numbers can make files safer or smaller, not both.",
  others: "More settings",
  byDefault: (value: string) => `Unless you choose: ${value}.`,
  toDefault: "Back to that",
  invalid: "This must be a whole number.",
  saved: "Saved.",
  undone: "As it was before.",
  on: "On",
  off: "Off",
  known,

  offerGiven: (given: string) => `This device gives ${given} to the circle.`,
  offerUsed: "Used by others",
  offerFree: "Still free for them",
  offerHow:
    "How much it gives is set on the device itself, in the fragment store’s configuration: what is promised to others is not to be taken back from a browser.",
  offerOwners: (owners: number) =>
    n(owners, "# member keeps something here", "# members keep something here") +
    ". It is encrypted; nobody here can read it.",

  version: "Version",
  built: (day: string) => `put together on ${day}`,
  started: "Started",
  services: "Services",
  answers: "Answers",
  silent: "Does not answer",
  packages: (count: number) => n(count, "# package, with its version", "# packages, with their versions"),
  state: "State",
  states: { locked: "Locked", unlocked: "Open", empty: "Blank", unconfirmed: "Not set up yet" },
  session: "This session",
  sessionWords: (since: string) => `begun ${since}`,
  support: "When somebody helps you",
  supportWords:
    "The support bundle tells whoever helps you how this device is, and nothing of what is yours.",
  supportHolds:
    "In it: versions, health, counts, metrics, the last lines of the gateway’s log. Not in it: no name of a file, a person or a device, no sentence, no key, no secret. It is a ZIP file of plain text; look into it before you give it away.",
  supportSave: "Save the support bundle",
  api: "For programs",
  apiWords:
    "Everything that this page does is done by the API. Its document describes every address; a token lets a program in.",
  apiDocument: "Download the API’s document",
  makeToken: "Make a token",
  own: "Fonts, icons and programs of this page come from your device. Nothing is loaded from elsewhere.",
};
