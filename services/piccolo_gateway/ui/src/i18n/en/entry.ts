/** Problems that are met on the way in. */
export const entry = {
  ADMINS_AWAY: {
    what: "Nobody has let this device in yet.",
    next: "Ask the circle’s admins to switch their devices on and unlock them.",
  },
  ALREADY_IN_CIRCLE: {
    what: "This device is in a circle already.",
    next: "Leave that one first, or join from a blank device.",
  },
  BACKUP_DAMAGED: {
    what: "A part of the backup is damaged.",
    next: "Give the number of an older restore point, or come back from the circle with its contacts.",
  },
  BACKUP_MISSING: {
    what: "The cloud has no backup under these words.",
    next: "Compare them with your note. If the cloud lost the backup, come back from the circle with its contacts.",
  },
  CHAIN_BROKEN: {
    what: "A part of the backup at the cloud is damaged.",
    next: "Your files lie safe with your circle. A blank device can be brought to an older restore point.",
  },
  CHALLENGE_OVER: { what: "That took too long, or too many tries.", next: "Give your passphrase again." },
  CLAIM_CODE_MISSING: {
    what: "The device wants its one-time code.",
    next: "It is on the label or the screen.",
  },
  CLAIM_CODE_UNREADABLE: {
    what: "The device has a one-time code that it cannot read itself.",
    next: "Hand it the code again as its notes say, and restart it.",
  },
  CLAIM_CODE_WRONG: {
    what: "That is not the device’s one-time code.",
    next: "Read it again on the label or the screen; capital letters and hyphens do not matter.",
  },
  CLAIM_NOT_LOCAL: {
    what: "A new device is set up from its own network only. This browser is in another one.",
    next: "Use a browser at home, in the device’s own network.",
  },
  CONTACTS_MISSING: {
    what: "To come back from the circle alone, the device must know where its members are.",
    next: "Give the contacts that were printed with your words, or ask a member to show theirs.",
  },
  CONTACTS_WRONG: {
    what: "The contacts cannot be read.",
    next: "Compare each line with the print: a line that was mistyped is found out by its last characters.",
  },
  FACTOR_WRONG: {
    what: "That was not accepted.",
    next: "Wait for the app’s next code, or prove it in another way.",
  },
  INTERRUPTED: {
    what: "The device was restarted in the middle.",
    next: "Give the same 24 words again; what was done is kept.",
  },
  INVITATION_EXPIRED: { what: "This invitation has run out.", next: "Ask for a new one." },
  INVITATION_FOREIGN: {
    what: "This invitation does not fit the circle that it names.",
    next: "Ask who invited you for a new one, and take it whole.",
  },
  INVITATION_NOT_FOUND: {
    what: "Nobody knows this invitation.",
    next: "Compare the code, or ask for a new one.",
  },
  INVITATION_REVOKED: { what: "This invitation was taken back.", next: "Ask for a new one." },
  INVITATION_UNREADABLE: {
    what: "This invitation cannot be read.",
    next: "Compare the code with what you were sent, or use the link.",
  },
  INVITATION_USED: { what: "Somebody has used this invitation already.", next: "Ask for a new one." },
  NOTHING_BACKED_UP: {
    what: "The words are right, but there is no backup under them.",
    next: "They may be another owner’s. If the cloud lost the backup, give your circle’s contacts too. Nothing was changed.",
  },
  OTHER_WORDS: {
    what: "Another owner’s recovery was begun on this device.",
    next: "Give those 24 words. Or take another blank device, or write Piccolo onto this one’s disk anew, as its guide says: nothing is lost by that, all files lie with their owners’ circles.",
  },
  PASSPHRASE_CHARACTERS: {
    what: "It holds a sign that you could not type again. Leave that out.",
    next: "Choose another one.",
  },
  PASSPHRASE_COMMON: {
    what: "This one is on lists of stolen and common passphrases, so it would be tried at once.",
    next: "Choose four or five unrelated words.",
  },
  PASSPHRASE_DELAY: {
    what: "After a wrong passphrase the next one waits a little.",
    next: "That slows down whoever guesses.",
  },
  PASSPHRASE_SHORT: { what: "A passphrase has at least 8 characters.", next: "Choose a longer one." },
  PASSPHRASE_TRIVIAL: {
    what: "This one follows a pattern that guessers try at once.",
    next: "Choose four or five unrelated words.",
  },
  POINT_MISSING: {
    what: "The backup has no restore point of this number.",
    next: "Give another number, or none for the newest.",
  },
  RECOVERY_RUNNING: {
    what: "A recovery with other words runs on this device.",
    next: "Wait for its end.",
  },
  RESTORED_ALREADY: {
    what: "This device holds already what a recovery has brought back.",
    next: "Leave the restore point empty and let it ask the cloud: then it goes on where it was. To come back otherwise, take another blank device, or write Piccolo onto this one’s disk anew, as its guide says: your files lie safe with your circle.",
  },
  RESTORE_CUT_OFF: {
    what: "The restore was cut off.",
    next: "Give the same 24 words again; what was done is kept.",
  },
  TOO_MANY_LOGINS: { what: "Several people log in at this moment.", next: "Try again in a few seconds." },
  TOO_MANY_TRIES: {
    what: "Too many tries in a row.",
    next: "The next one waits, to slow down whoever guesses.",
  },
  UNAVAILABLE: {
    what: "What this needs does not answer at the moment.",
    next: "Nothing was lost; try again.",
  },
  WORDS_CHECKSUM: {
    what: "The words do not add up: one was mistaken for another, or two changed places.",
    next: "Compare each with your note.",
  },
  DISK_WORDS_WRONG: {
    what: "These words do not open this device’s data; nothing was changed.",
    next: "Are they of another device, or an earlier set? Only the latest words of its owner open it.",
  },
  DISK_NO_WORDS: {
    what: "No words open this device’s data: it was never set up.",
    next: "Only its own TPM opens it; put that back, or set the device up anew.",
  },
  DISK_NOT_CLOSED: {
    what: "There is no data on this device that waits to be opened.",
    next: "Load this page anew.",
  },
  DISK_DAMAGED: {
    what: "The file system of this device’s data is damaged, and could not be mended by itself.",
    next: "Do not set it up anew yet: somebody who knows file systems may repair it. What is stored lies safe with your circle.",
  },
  DISK_BUSY: { what: "The device is working on its data.", next: "Try again in a moment." },
  DISK_AWAY: {
    what: "The part of the device that opens its data does not answer.",
    next: "Start the device again.",
  },
  DISK_FAILED: {
    what: "The data could not be opened.",
    next: "Start the device again and try once more; its log says why.",
  },
};
