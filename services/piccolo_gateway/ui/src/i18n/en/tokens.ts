import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const tokens = {
  title: "Tokens for programs",
  words:
    "A token lets one program in, without passphrase and second factor, to what you allow it and no more. Give each program its own.",
  none: "No program has a token.",
  make: "Make a token",
  name: "What is it for?",
  nameHelp: "Stands in the audit log beside what the program does. Letters, digits, blanks, dots, - and _.",
  nameWrong: "Begin with a letter or digit; then letters, digits, blanks, dots, - and _, 64 at most.",
  nameExample: "backup script",
  taken: "Another token has this name. Choose another, so that the log can tell them apart.",
  scopes: "What may it do?",
  scope: {
    read: "Read files",
    write: "Write files",
    admin: "Everything",
    metrics: "Read figures",
    watch: "Follow long work",
  },
  scopeWords: {
    read: "See, search and download all files, and how safe they are.",
    write: "Upload, move and remove files. It cannot read them without the other right.",
    admin:
      "All that this page can do, save what asks for a fresh proof: passphrase, words, second factors, tokens.",
    metrics: "For a monitoring system: how much, how fast, how often. No names, no contents.",
    watch: "See how far repairs, checks and backups are. Nothing of files.",
  },
  scopeNone: "Allow at least one thing.",
  lifetime: "For how long?",
  lifetimes: { "2592000": "30 days", "7776000": "90 days", "31622400": "1 year", "0": "Without an end" },
  made: (name: string) => `Token “${name}”`,
  madeWords:
    "It is shown now and never again. Copy it into the program; the device keeps only what it needs to recognise it.",
  secret: "Token",
  example: "For example with curl",
  rclone: "Or with rclone, by WebDAV",
  certificate:
    "The device’s certificate comes from an authority of its own. Where a program refuses it, give it this one; do not turn the check off.",
  getCertificate: "Save piccolo.pem",
  noted: "I have copied it",
  created: (when: string) => `Made ${when}`,
  usedLast: (when: string) => `last used ${when}`,
  unused: "not used yet",
  expires: (when: string) => `Ends ${when}.`,
  endless: "Has no end.",
  revoke: "Revoke",
  revokeOne: (name: string) => `Revoke the token “${name}”`,
  revokeTitle: (name: string) => `Revoke “${name}”?`,
  revokeGone: (name: string) =>
    `The program that uses “${name}” is let in no more, within seconds and for good: what it does for you stops until you give it another token.`,
  revokeStays: "Files that it stored stay, and so does what the audit log tells of it.",
  revoked: (name: string) => `“${name}” is revoked.`,
  count: (count: number) => n(count, "# token", "# tokens"),
};
