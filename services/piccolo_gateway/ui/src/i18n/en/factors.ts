import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const factors = {
  title: "Second factors",
  words:
    "Besides the passphrase, a login then asks for something that you have. Your 24 words always count too: whoever has them could bring everything back on another box.",
  none: "There is none: the passphrase alone lets you in.",
  kind: { totp: "App with codes", passkey: "Passkey", unreadable: "Cannot be read" },
  created: (when: string) => `Added ${when}`,
  used: (when: string) => `last used ${when}`,
  unused: "not used yet",
  host: (host: string) => `Works at ${host} only.`,
  unreadable: "What is kept of it cannot be read, so it opens nothing. Remove it, and add it again.",
  addTotp: "Add an app",
  addPasskey: "Add a passkey",
  noPasskeys:
    "A passkey belongs to a name, and this page is open at an address without one. Open the device by its name, as piccolo.local, to add a passkey.",
  noSupport: "This browser knows no passkeys.",
  name: "Name",
  nameTotp: "my phone",
  namePasskey: "my laptop",
  nameHelp: "By it you know it later.",
  begin: "Go on",
  scan: "Scan this with the app on your phone, or type the secret into it.",
  qr: "The app’s secret as a QR code",
  secret: "The secret",
  code: "The code that the app shows now",
  codeHelp: "Six digits, new every half minute. With them the app proves that it works.",
  confirm: "Add",
  addedOne: (name: string) => `“${name}” is added. Other sessions have ended.`,
  passkeyWords:
    "Your browser will ask where the passkey is to be kept: on this device, on your phone, or on a key.",
  makePasskey: "Make the passkey",
  passkeyRefused:
    "The browser made no passkey: it was refused, took too long, or this one is there already. Nothing has changed.",
  rename: (name: string) => `Rename “${name}”`,
  renamed: "It has its new name.",
  remove: (name: string) => `Remove “${name}”`,
  removeTitle: (name: string) => `Remove “${name}”?`,
  removeGone: (name: string) => `“${name}” lets nobody in any more, from now on.`,
  removeStays: "Your other factors and your 24 words go on counting. It can be added again at any time.",
  removeLast:
    "It is the last one: the recovery codes go with it, and from then on the passphrase alone lets you in.",
  removed: (name: string) => `“${name}” is removed.`,
  codes: "Recovery codes",
  codesLeft: (count: number, made: string) =>
    n(count, "# code is left", "# codes are left") + `, made ${made}.`,
  codesNone: "There are none. Should your factor be lost, only your 24 words let you in.",
  codesMake: "Make recovery codes",
  codesAnew: "Make new ones",
  codesAnewTitle: "Make new recovery codes?",
  codesAnewWords: "Ten new codes are shown. The ones you noted before are worth nothing any more.",
  codesShown: "Your recovery codes",
  codesShownWords:
    "Each stands in once for a factor that is lost. They are shown now and never again: print them or write them down, and keep them away from this device.",
  codesSheet: "Piccolo recovery codes",
  codesNoted: "I have noted them",
  print: "Print",
};
