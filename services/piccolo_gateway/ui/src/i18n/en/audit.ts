import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

/** For each action what was done, and what was not; the subject where it says something to people. */
const actions: Record<string, { done: (subject: string) => string; not: (subject: string) => string }> = {
  "session.login": {
    done: (subject) =>
      subject === "challenged"
        ? "The passphrase was right; a second proof was asked for."
        : "A login with the passphrase succeeded.",
    not: () => "A login did not succeed.",
  },
  "session.prove": {
    done: (subject) => `A fresh proof was given${by(subject)}.`,
    not: (subject) => `A proof was given that was not right${by(subject)}.`,
  },
  "session.end": {
    done: (subject) => (subject === "others" ? "All other sessions were ended." : "A session was ended."),
    not: () => "A session was not ended.",
  },
  "token.make": {
    done: (subject) => `The token “${subject}” was made.`,
    not: (subject) => `The token “${subject}” was not made.`,
  },
  "token.revoke": {
    done: (subject) => `The token “${subject}” was revoked.`,
    not: () => "A token was not revoked.",
  },
  "factor.add": {
    done: (subject) => `A second factor was added: ${factor(subject)}.`,
    not: () => "A second factor was not added.",
  },
  "factor.codes": {
    done: () => "New recovery codes were made; the old ones are worth nothing.",
    not: () => "New recovery codes were not made.",
  },
  "factor.rename": {
    done: (subject) => `A second factor was renamed: ${factor(subject)}.`,
    not: () => "A second factor was not renamed.",
  },
  "factor.remove": {
    done: (subject) => `A second factor was removed: ${factor(subject)}.`,
    not: () => "A second factor was not removed.",
  },
  "settings.change": {
    done: (subject) => `Settings were changed: ${subject}.`,
    not: (subject) => `Settings were not changed: ${subject}.`,
  },
  "recovery.start": {
    done: () => "A recovery from the 24 words was begun.",
    not: () => "A recovery was not begun.",
  },
  "backup.snapshot": {
    done: () => "The whole backup was written anew to the cloud.",
    not: () => "The backup was not written anew.",
  },
  "circle.invite": {
    done: () => "An invitation to the circle was made.",
    not: () => "An invitation was not made.",
  },
  "circle.revoke": {
    done: () => "An invitation was taken back.",
    not: () => "An invitation was not taken back.",
  },
  "circle.found": { done: () => "The circle was founded.", not: () => "The circle was not founded." },
  "circle.join": {
    done: () => "This device joined the circle.",
    not: () => "This device did not join the circle.",
  },
  "circle.rename": {
    done: () => "This device was given another name.",
    not: () => "This device was not given another name.",
  },
  "circle.approve": {
    done: () => "A change of the circle’s members was agreed to.",
    not: () => "A change of the circle’s members was not agreed to.",
  },
  "circle.removal": {
    done: () => "It was proposed that a member goes.",
    not: () => "It was not proposed that a member goes.",
  },
  "circle.sign": {
    done: () => "A change of the circle’s members was signed.",
    not: () => "A change of the circle’s members was not signed.",
  },
  "file.purge": {
    done: (subject) => `Removed for good, past the trash: ${subject}`,
    not: (subject) => `Not removed for good: ${subject}`,
  },
  "share.make": {
    done: (subject) => `A link for strangers was made: ${subject}`,
    not: (subject) => `A link for strangers was not made: ${subject}`,
  },
  "share.end": {
    done: () => "A link for strangers was ended.",
    not: () => "A link for strangers was not ended.",
  },
  "share.content": {
    done: (subject) => `A stranger downloaded by a link: ${subject}`,
    not: () => "A stranger’s download by a link did not succeed.",
  },
  "share.download": {
    done: (subject) => `A stranger asked for a download by a link: ${subject}`,
    not: () => "A stranger asked for a download by a link and did not get it.",
  },
  "operation.cancel": {
    done: () => "Long work was asked to end.",
    not: () => "Long work was not asked to end.",
  },
  "keeping.scrub": {
    done: () => "The device was told to read all that it keeps for others.",
    not: () => "The reading of what is kept for others was not begun.",
  },
  "store.check": { done: () => "A check of your files was begun.", not: () => "A check was not begun." },
  "store.repair": { done: () => "A repair was begun.", not: () => "A repair was not begun." },
  "device.setup": { done: () => "The device was set up.", not: () => "The device was not set up." },
  "device.confirm": {
    done: () => "The recovery words were confirmed; the device has its owner.",
    not: () => "The recovery words were not confirmed.",
  },
  "device.unlock": { done: () => "The device was unlocked.", not: () => "The device was not unlocked." },
  "device.lock": { done: () => "The device was locked.", not: () => "The device was not locked." },
  "device.restart": {
    done: () => "The device was asked to restart.",
    not: () => "The device did not restart.",
  },
  "device.shutdown": {
    done: () => "The device was asked to shut down.",
    not: () => "The device did not shut down.",
  },
  "device.reset": {
    done: () => "The device was asked to forget everything.",
    not: () => "The device did not forget everything.",
  },
  "device.passphrase": {
    done: () => "The passphrase was changed; other sessions ended.",
    not: () => "The passphrase was not changed.",
  },
  "device.words": {
    done: () => "Recovery words were tested.",
    not: () => "A test of recovery words did not succeed.",
  },
  "device.words.new": {
    done: () => "New recovery words were shown.",
    not: () => "New recovery words were not shown.",
  },
  "device.words.confirm": {
    done: () => "New recovery words were confirmed and are put in force.",
    not: () => "New recovery words were not confirmed.",
  },
  "support.bundle": { done: () => "A support bundle was made.", not: () => "A support bundle was not made." },
  "vault.recover": {
    done: () => "This device was recovered from the 24 words.",
    not: () => "This device was not recovered.",
  },
  "vault.words.exposed": {
    done: () => "The old words were called exposed: everything is sealed anew.",
    not: () => "The sealing anew was not begun.",
  },
  "vault.words.exposed.over": {
    done: () => "Everything is sealed anew; nothing is left of the exposed words.",
    not: () => "The sealing anew did not come to its end.",
  },
  "vault.backup.emptied": {
    done: () => "The backups of the old words were deleted at the cloud.",
    not: () => "The backups of the old words were not deleted.",
  },
  "vault.backup.pruned": {
    done: () => "Backups that nobody needs any more, older than 30 days, were deleted at the cloud.",
    not: () => "Backups older than 30 days stay, because a newer one is broken.",
  },
};

const methods: Record<string, string> = {
  totp: "the app’s code",
  passkey: "a passkey",
  "recovery-code": "a recovery code",
  words: "the 24 words",
  passphrase: "the passphrase",
};

function by(subject: string): string {
  return methods[subject] ? ` by ${methods[subject]}` : "";
}

function factor(subject: string): string {
  const [kind = "", ...name] = subject.split(" ");
  return `${{ totp: "app", passkey: "passkey" }[kind] ?? kind} “${name.join(" ")}”`;
}

export const audit = {
  title: "Audit log",
  words:
    "What was done on this device, newest first. Each entry holds the fingerprint of the one before, so nothing can be changed or taken out without a trace.",
  label: "Entries of the audit log",
  unknown: (action: string, subject: string) => `${action}${subject ? `: ${subject}` : ""}`,
  actions,
  byOwner: "By you",
  byToken: (name: string) => `By the token “${name}”`,
  byNobody: "By somebody who was not logged in",
  byService: "By the device itself",
  byOther: (actor: string) => `By ${actor}`,
  because: (reason: string) => `refused: ${reason}`,
  kind: "What",
  kinds: {
    all: "Everything",
    access: "Who got in",
    files: "Files",
    circle: "Circle",
    care: "Care and backup",
    device: "Device and settings",
    other: "Other",
  },
  outcome: "How it ended",
  outcomes: { all: "Either", ok: "Done", failed: "Not done" },
  text: "Search in it",
  from: "From (day)",
  to: "To (day)",
  reversed: "This is before the first day.",
  verify: "Verify the chain",
  whole: (entries: number) =>
    n(entries, "The one entry is whole.", "All # entries are whole: none was changed, none is missing."),
  broken: (at: number, number: string) =>
    `The chain breaks at entry ${number}: something before it was changed or taken out. ${n(at - 1, "The # entry before it is whole.", "The # entries before it are whole.")}`,
  saveCsv: "Save as a table (CSV)",
  saveJson: "Save for programs (NDJSON)",
  saveWords: "Saves the whole log, with each entry’s fingerprint, so that it can be verified elsewhere.",
  saveChosen: (what: string) => `Saves only what you chose (${what}), not the whole log.`,
  since: (day: string) => `from ${day}`,
  until: (day: string) => `to ${day}`,
  holding: (text: string) => `with “${text}”`,
  saved: (entries: number) =>
    entries ? n(entries, "# entry saved.", "# entries saved.") : "No entry fits, so nothing was saved.",
  clear: "Clear the filter",
  file: "piccolo audit log",
  none: "Nothing here fits what you chose.",
  end: "This is the beginning of the log.",
  more: "Show older ones",
};
