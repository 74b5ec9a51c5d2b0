import { plural } from "../plural";

/** What the device says while new words are put in force, as people read it. */
const phases: Record<string, string> = {
  "New words are being put in force; this goes on while the device is unlocked":
    "The device takes the new words step by step, while it is unlocked.",
  "Handing the files' keys to the new words": "The files’ keys pass to the new words.",
  "Waiting for the cloud to have the backup under the new words":
    "The cloud gets the backup under the new words.",
  "Telling the members about the new words": "The members hear of the new words.",
  "Renewing what the members keep, so that the new words alone open it":
    "What the members keep is renewed, so that the new words alone open it.",
  "Waiting for the circle's admins to note the new keys": "The circle’s admins note the new keys.",
  "Closing the backup of the old words": "The backup of the old words is closed.",
  "Deleting the backups of the old words at the cloud":
    "The backups of the old words are deleted at the cloud.",
  "Looking for what is to be sealed anew": "The device looks for what is to be sealed anew.",
};

export const rotation = {
  title: "New recovery words",
  words: "24 new words take the place of the old ones. The old note is worth nothing when all is done.",
  why: "Why do you want new words?",
  plain: "I just want new ones",
  plainWords:
    "The old note got lost at home, was torn, or is in the wrong place; nobody else has read it. This takes minutes.",
  exposed: "Somebody may know the old ones",
  exposedWords:
    "Then every file is also sealed anew under other keys, and what the old words open is deleted for good, in the cloud and at the members. This takes as long as storing everything once more.",
  exposedHonest:
    "What somebody copied before that stays readable to them. Nothing can take it back: not these words, not this device, not we.",
  protects:
    "New words lock out whoever only knows the old ones: from what is stored from now on, from your circle and from your backup. They do not protect what the old words could already open. Keep the old note safe until all is done, then destroy it.",
  passphrase: "Your passphrase, once more",
  begin: "Show the new words",
  shownTitle: "Your 24 new words",
  shownWords:
    "Write them down or print them. They are shown now and never again. Nothing has changed yet: that begins when you give three of them back.",
  written: "I have written them down",
  confirmTitle: "Three of them, as a test",
  confirmWords: "Read them from your note. From then on the device puts the new words in force.",
  confirm: "Start using them",
  differ: "That is not what was shown. Compare these words with your note.",
  started: "The new words are being put in force.",
  runningTitle: "New words are being put in force",
  runningWords:
    "It goes on by itself, also when you close this page or the device restarts; it needs the device to be unlocked. Until it is done, keep both notes: the old words or the new ones bring everything back at each moment.",
  running: "Under way",
  phases,
  doneTitle: "The new words are in force",
  doneWords:
    "From now on only they bring everything back. Destroy the old note: it opens nothing that is stored from now on.",
  doneWordsBut: (pieces: number) =>
    plural(
      "en",
      pieces,
      "From now on they bring everything back, but for # piece of storage that only the old words open. It was left with the members: keep the old note, as safely as before.",
      "From now on they bring everything back, but for # pieces of storage that only the old words open. They were left with the members: keep the old note, as safely as before.",
    ),
  doneExposed: "Every file is sealed anew, and what the old words opened is deleted.",
  doneExposedBut: (names: string) =>
    `Every file is sealed anew, and what the old words opened is deleted where it could be. Not reached: ${names}. What lies there may still be opened with the old words: destroy the old note, and ask there that the device be wiped.`,
  failedTitle: "That did not come to its end",
  failedWords: "Keep both notes. The device says:",
  toSecurity: "Back to Security",
};
