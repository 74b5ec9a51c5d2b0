import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);
const unchanged = "Nothing was claimed or changed. The files themselves lie with your circle.";
const damaged = {
  what: "A part of the backup at the cloud is damaged.",
  safe: unchanged,
  decide:
    "Go on with an older restore point. Or give the words again, and with them your circle’s contacts and “Do not ask the cloud”: then everything comes back from the circle alone.",
};

export const recovery = {
  words: "Your 24 recovery words",
  wordsWords: "Type them in the order of your note, or paste all of them into one field.",
  begun: "A recovery was begun on this device. Give the same 24 words, and it goes on where it was.",
  passphrase: "A new passphrase",
  passphraseWords: "It opens your files on this device from now on. The old one counts no more.",
  ready: "Ready to bring everything back",
  readyWords:
    "This device takes your old one’s place: its backup is fetched and your circle is asked for what is newer. The old device, should it turn up, stores nothing more.",
  name: "Device’s name",
  nameHelp: "Leave it empty to keep the old one.",
  more: "The cloud is gone, or does not answer",
  contacts: "Your circle’s contacts",
  contactsHelp: "The whole text that was printed with your words, or that a member shows you.",
  fromCircle: "Do not ask the cloud; bring me back from the circle alone",
  earlier: "Go back to an earlier point",
  point: "Number of the restore point",
  pointHelp:
    "Leave it empty for the newest. The old device lists its points under “Backups and recovery”. Names, folders and settings are then as they were at that point; files that were stored since are found again with the members.",
  pointWhole: (point: string) =>
    `Up to point ${point} the backup is whole. Names, folders and settings are then as they were at that point; files that were stored since are found again with the members.`,
  pointWrong: "Give a whole number, 1 or higher, or leave the field empty.",
  begin: "Bring everything back",

  running: "Everything is coming back",
  runningWords: "You can leave this page; it goes on. Come back with this browser to see how far it is.",
  stages: {
    find: "Find your backup",
    fetch: "Fetch it",
    ask: "Ask your circle whether it is the newest",
    take: "Take the old device’s place",
    newer: "Bring back what is newer",
  },
  stage: { done: "done", now: "now", next: "to come" },
  parts: (done: string, total: string) => `${done} of ${total}`,
  left: (time: string) => `about ${time} left`,

  done: "Everything is back",
  doneWords: (files: number) => n(files, "# file is here again.", "# files are here again."),
  backup: {
    proven: "Your circle confirms that the backup was the newest.",
    unproven:
      "Not enough members have answered yet to confirm that the backup was the newest. What they have that is newer is brought back as they answer.",
    withheld:
      "The cloud did not let its backup be compared with what your circle knows. Look through your files for what is missing.",
    rolled_back:
      "The cloud’s backup was older than what your circle knows. Newer files came back from the members; later changes of names, removals and settings are lost.",
    circle:
      "Everything came from your circle, without the cloud. Names are those of the first storing; later renames and all settings are not known to the members.",
  },
  brought: (files: number) =>
    n(files, "# newer file came from your circle.", "# newer files came from your circle."),
  left_over: (pieces: number) =>
    n(pieces, "# piece waits", "# pieces wait") + " until enough members answer, and comes back by itself.",
  exposed: {
    sealing:
      "Strangers may know the words before these. So everything older is sealed anew by itself, while the device is unlocked; what those words opened is then deleted for good, by the members only after 45 days.",
    unknown:
      "These words took the place of others. If strangers may know those, take new words as soon as a cloud has a backup of this device, and say once more that somebody may know the old ones: then everything is sealed anew.",
  },
  nothingElse: "Sessions, and tokens of programs, are not brought back: log in anew, and make tokens anew.",
  told: "In the device’s own words",
  open: "Open my files",

  stopped: "The recovery has stopped",
  safe: "What is safe",
  decide: "What you can do",
  doubts: {
    ROLLED_BACK: {
      what: "The cloud shows an older backup than the one your device wrote.",
      safe: unchanged,
      decide:
        "Ask the cloud’s operator to bring the newer entries back; then take another blank device, or write Piccolo onto this one’s disk anew, as its guide says, and begin again there. Or go on with the older backup: newer files are brought back from your circle; later changes of names, removals and settings are lost.",
    },
    FORK: {
      what: "The cloud shows another backup than the one your device wrote.",
      safe: unchanged,
      decide:
        "Somebody may have copied your old device, or the cloud is not honest: ask its operator. To come back without the cloud, take another blank device, or write Piccolo onto this one’s disk anew, as its guide says, and give your circle’s contacts there with the words.",
    },
    PROOF_WITHHELD: {
      what: "The cloud showed a backup, but does not let it be compared with what your circle knows.",
      safe: unchanged,
      decide:
        "Try again when the cloud answers. If it does not, take another blank device, or write Piccolo onto this one’s disk anew, as its guide says, and come back from your circle’s contacts there; or go on all the same, if you trust your cloud.",
    },
    INTERRUPTED: {
      what: "The device was restarted while everything was coming back.",
      safe: "What has come back so far is kept. The files themselves lie with your circle.",
      decide: "Give the same 24 words again, and it goes on where it stopped.",
    },
    RESTORE_CUT_OFF: {
      what: "The restore was cut off before it was complete.",
      safe: "What has come back so far is kept, and the backup is as it was. The files themselves lie with your circle.",
      decide: "Give the same 24 words again, and it goes on where it stopped.",
    },
    BACKUP_DAMAGED: damaged,
    CHAIN_BROKEN: damaged,
    POINT_MISSING: {
      what: "The backup has no restore point of this number.",
      safe: unchanged,
      decide:
        "Compare the number with your note, or try the one before it. With an empty field the newest is taken.",
    },
  } as Record<string, { what: string; safe: string; decide: string }>,
  again: "Try again",
  toPoint: "Go on with this point",
  correct: "Give the words again",
  goOn: "Go on with the older backup",
  goOnAnyway: "Go on all the same",
  goOnTitle: "Go on with this backup",
  goOnWords: {
    ROLLED_BACK:
      "Later changes of names, removals and settings are lost for good. Files stay: newer ones are brought back from your circle.",
    PROOF_WITHHELD:
      "If the cloud shows an older backup, later changes of names, removals and settings are lost for good. Files stay: newer ones are brought back from your circle.",
  } as Record<string, string>,
};
