/** Problems that may be met anywhere, by reason. */
export const reasons = {
  ACCESS_ENDED: {
    what: "The session or token that began this has ended, so it was cut off.",
    next: "Log in and begin it again.",
  },
  ALREADY_CONFIRMED: { what: "The words are confirmed already.", next: "Log in with your passphrase." },
  ALREADY_SET_UP: { what: "This device is set up already.", next: "Log in with your passphrase." },
  ARCHIVE_TOO_LARGE: {
    what: "That is more than one ZIP file can take.",
    next: "Choose less, such as one folder after the other.",
  },
  BACKUP_ALTERED: {
    what: "What came from the backup is not what was written to it.",
    next: "Nothing was taken over. Try again; if it stays, come back from the circle with its contacts.",
  },
  CIRCLE_UNKNOWN: {
    what: "This device does not know its circle yet.",
    next: "Wait a moment, and try again.",
  },
  CLOUD_AWAY: {
    what: "The cloud does not answer.",
    next: "Look whether this device reaches the internet. What is stored is safe with your circle meanwhile.",
  },
  CLOUD_LIES: {
    what: "The cloud gave back something else than was written to it.",
    next: "Nothing of that was used. What is stored is safe with your circle.",
  },
  CLOUD_MISSING: {
    what: "This device knows of no cloud, so nothing is backed up there.",
    next: "Name one in the device’s configuration.",
  },
  CLOUD_STRANGER: {
    what: "What answers in the cloud’s place is not the cloud that this device knows.",
    next: "Look at the network’s settings. Nothing was sent there.",
  },
  CONTACTS_AWAY: {
    what: "None of these contacts answers.",
    next: "Ask their owners whether their devices are on, or compare the addresses.",
  },
  CONTACT_AWAY: { what: "This contact does not answer.", next: "Ask its owner whether the device is on." },
  CONTACT_WRONG: {
    what: "Another device answers at this contact’s address.",
    next: "Compare the line with the print, or use another contact.",
  },
  COPY_CUT_OFF: {
    what: "The copy was cut off before it was complete; nothing of it is left.",
    next: "Try again.",
  },
  CROSS_SITE: {
    what: "Another site’s page has asked for this, so it was refused.",
    next: "Open the device’s own address and do it there.",
  },
  DATABASE_DAMAGED: {
    what: "The device’s memory is damaged.",
    next: "Restart the device. If it stays, recover with your 24 words: what is stored lies safe with your circle.",
  },
  DATA_CLOSED: {
    what: "This device could not open its data when it started, so it does not destroy it either.",
    next: "Open the data with its owner’s 24 words first. What is in memory only goes with a restart.",
  },
  DEADLINE_EXCEEDED: { what: "That took too long.", next: "Look whether it was done, and try again." },
  DELEGATION_MISSING: {
    what: "The device may not write to the backup before it was unlocked once.",
    next: "Unlock it with your passphrase.",
  },
  DEVICE_NAME: { what: "The device cannot have this name.", next: "Choose another one." },
  DIRECTORY_NOT_EMPTY: {
    what: "The folder is not empty.",
    next: "Remove what is in it first, or all of it at once.",
  },
  DISK_FAILED: {
    what: "The device’s disk has failed.",
    next: "Look at the disk’s health. What is stored lies safe with your circle.",
  },
  DISK_FULL: {
    what: "The device’s own disk is full.",
    next: "Free some room on it: without that it can remember nothing new.",
  },
  ENTRIES_MISSED: {
    what: "A former device wrote to the backup what this one has not taken over.",
    next: "It stays in the backup, and can be restored from it to an empty device.",
  },
  ENTRY_EXISTS: { what: "Something has this name already.", next: "Choose another name." },
  ENTRY_NOT_FOUND: {
    what: "Nothing has this name any more.",
    next: "It may have been renamed, moved or removed: look into the folder and the trash.",
  },
  FACTOR_UNREADABLE: {
    what: "The record of this second factor cannot be read.",
    next: "Remove it, and add it anew.",
  },
  FILE_SHORT: { what: "Fewer bytes came than the file has.", next: "Try again." },
  FORK: {
    what: "The backup has two different continuations.",
    next: "Nothing more is written to it. Is another device of yours at work with the same words? Talk to your circle.",
  },
  FRAGMENTS_AWAY: {
    what: "Too many of the members that keep this are away, so it cannot be read now.",
    next: "It is not lost: when they are back, it can be read again.",
  },
  FRAGMENTS_LOST: {
    what: "Too few fragments of this are left anywhere, so it cannot be rebuilt.",
    next: "Look for an older version; if members come back after all, so may this.",
  },
  GENERATION_MOVED: { what: "A newer device of yours took over meanwhile.", next: "Use the newer one." },
  IDEMPOTENCY_KEY_LOST: {
    what: "Whether this was done is not known: the device was restarted in between.",
    next: "Look whether it was done; if not, do it again.",
  },
  ID_UNKNOWN: { what: "That is not there any more.", next: "Look at the list again." },
  INTERNAL: {
    what: "Something went wrong that nobody foresaw.",
    next: "Try again; if it stays, report the incident’s number.",
  },
  INTO_ITSELF: { what: "A folder cannot go into itself.", next: "Choose a place outside of it." },
  INVITER_AWAY: {
    what: "The device that invited you does not answer.",
    next: "Ask its owner whether it is on and unlocked, then try again.",
  },
  IN_A_CIRCLE: {
    what: "This device is in a circle already.",
    next: "Leave that one first, or join from a blank device.",
  },
  IS_A_DIRECTORY: { what: "This is a folder, not a file.", next: "Open it, and choose a file in it." },
  JOINER_CLASHES: {
    what: "This device, or its owner, is in the circle already.",
    next: "Join from a blank device, with its own words.",
  },
  LOCKED: { what: "The device is locked.", next: "Unlock it with your passphrase." },
  LOGIN_NEEDED: { what: "You are not logged in any more.", next: "Log in with your passphrase." },
  LOG_FULL: {
    what: "The cloud takes no more of the backup: its log is full.",
    next: "Have the whole backup written anew; what is stored is safe with your circle.",
  },
  MEMBERS_UNHEARD: {
    what: "After the recovery, most members of the circle must be heard first.",
    next: "Wait until more of them are back; nothing is lost.",
  },
  MEMORY_AWAY: {
    what: "This device’s own memory does not answer; neither the cloud nor your circle is to blame.",
    next: "Try again in a moment; if it stays so, restart the device.",
  },
  MODIFIED: { what: "The file was changed while it was read.", next: "Read it again." },
  NAME_DIFFERS: {
    what: "That is not this device’s name; nothing was changed.",
    next: "Type the name letter by letter.",
  },
  NOTHING_NEW: { what: "That is so already.", next: "Nothing more is needed." },
  NOT_A_DEVICE: {
    what: "Here Piccolo is a set of programs on somebody’s computer, and no device of its own.",
    next: "End the programs there.",
  },
  NOT_A_DIRECTORY: {
    what: "There is a file where a folder would have to be.",
    next: "Choose another place.",
  },
  NOT_A_MEMBER: { what: "This device is no member of that circle.", next: "Ask for an invitation." },
  NOT_BLANK: {
    what: "This device is not blank: it has an owner already.",
    next: "Reset it first, or use a blank one.",
  },
  NOT_SET_UP: { what: "This device is not set up yet.", next: "Set it up, or recover with your 24 words." },
  NO_AUTHORITY: {
    what: "This device has no certificate authority of its own.",
    next: "Its certificate was given to it; nothing needs to be trusted here.",
  },
  NO_CIRCLE: { what: "This device is in no circle yet.", next: "Found one, or join one by an invitation." },
  NO_KEEPERS: {
    what: "Nobody is there who could keep this.",
    next: "Invite at least one member, or wait until members are back.",
  },
  NO_MAJORITY: {
    what: "Too few members agreed that this device takes over.",
    next: "Ask more of them to switch their devices on, and try again.",
  },
  NO_PROPOSAL: { what: "This proposal waits for nobody any more.", next: "Look at the circle as it is now." },
  NO_ROOM: {
    what: "The circle has no room for this.",
    next: "Free some space, invite another member, or ask one to give more room.",
  },
  NO_SUCH_INVITATION: { what: "This invitation is gone already.", next: "Look at the list again." },
  NO_SUCH_MEMBER: { what: "The circle has no such member.", next: "Look at the circle as it is now." },
  NO_UPLOAD: { what: "The device knows this upload no more.", next: "Begin it again." },
  OPERATION_ENDED: { what: "This work has ended already.", next: "Nothing more is needed." },
  OPERATION_NOT_FOUND: {
    what: "Nobody knows of this work any more.",
    next: "Look at what is there, and begin anew if it is still needed.",
  },
  OUTBID: {
    what: "Another device of yours is taking over at this moment.",
    next: "Use that one, or try again when it is done.",
  },
  PARENT_MISSING: {
    what: "The folder that this belongs into is gone.",
    next: "Make it again, or choose another place.",
  },
  PASSKEY_HOST: {
    what: "A passkey works only at one of the device’s names, and this address is none of them.",
    next: "Open the device by its name, and log in there.",
  },
  PATH_INVALID: { what: "This name cannot be used.", next: "A name has up to 255 bytes and no slash in it." },
  PATH_TOO_LONG: {
    what: "The names of all folders together are too long.",
    next: "Choose a shorter name, or a place higher up.",
  },
  PEER_AWAY: { what: "A member’s device does not answer.", next: "Try again when it is back." },
  POWER_AWAY: {
    what: "The part of this device that can end it does not answer.",
    next: "Take its power away, and give it back.",
  },
  POWER_BUSY: { what: "The device is asked to end already.", next: "Give it a moment." },
  POWER_FAILED: {
    what: "The device could not be ended.",
    next: "Try it once more; its log says why it failed.",
  },
  PRECONDITION_FAILED: {
    what: "This was changed meanwhile; nothing was done.",
    next: "Look at it as it is now, then decide anew.",
  },
  PROMISE_OUT_OF_REACH: {
    what: "Too few members could keep this, so it would not have survived the loss of a device. It was not stored.",
    next: "Wait until more members are back, or invite another one.",
  },
  PROOF_INVALID: { what: "This cannot be proven in that way.", next: "Choose another way." },
  PROOF_NEEDED: { what: "This wants a fresh proof that it is you.", next: "Prove it, then do it again." },
  PROOF_WITHHELD: {
    what: "The cloud showed a backup, but does not let it be compared with what your circle knows.",
    next: "Try again when the cloud answers, or come back from your circle’s contacts.",
  },
  PROPOSAL_WRONG: {
    what: "This proposal is not what it says.",
    next: "Do not sign it; talk to the other admins.",
  },
  RECOVERY_CANCELLED: {
    what: "The recovery was cancelled.",
    next: "Give the same 24 words again; what was done is kept.",
  },
  RECOVERY_UNFINISHED: {
    what: "A recovery was begun on this device, and not finished.",
    next: "Give the same 24 words again; what was done is kept.",
  },
  REDUNDANCY: {
    what: "The circle is too small for this number of fragments.",
    next: "Choose fewer, or invite more members.",
  },
  REVISION_CONFLICT: {
    what: "This was changed meanwhile; nothing was done.",
    next: "Look at it as it is now, then decide anew.",
  },
  ROLLED_BACK: {
    what: "The cloud shows an older backup than your members know of.",
    next: "Try again; if it stays, come back from the circle.",
  },
  ROOT_FIXED: { what: "The topmost folder stays where it is.", next: "Choose what is in it." },
  SCOPE_MISSING: { what: "This login may not do that.", next: "Log in with your passphrase." },
  SEALED_MALFORMED: {
    what: "What was sent could not be opened.",
    next: "Reload the page, and give it again.",
  },
  SEALED_WRONG: { what: "The device was restarted since this page was opened.", next: "Give it again." },
  SERVER_AWAY: { what: "The device that was asked does not answer.", next: "Try again in a moment." },
  SESSION_ENDED: {
    what: "Your session has ended.",
    next: "Log in again; files and uploads stay as they are.",
  },
  SETTING_UNKNOWN: { what: "The device has no such setting.", next: "Look at the settings again." },
  SETTING_WRONG: { what: "This setting cannot have that value.", next: "Choose another one.", facts: true },
  SETUP_AGAIN: {
    what: "The device was restarted before its words were confirmed.",
    next: "Set it up again; destroy the note with the former words.",
  },
  SHARE_BUSY: {
    what: "Many downloads were begun by this link just now.",
    next: "Try again in a moment.",
  },
  SHARE_LOCKED: {
    what: "The device is locked, so its links rest.",
    next: "Try again later, or ask whoever sent you the link.",
  },
  SHARE_NOT_FOUND: { what: "This link is ended already.", next: "Look at the list again." },
  SHARE_OVER: {
    what: "This link leads nowhere any more.",
    next: "Ask whoever sent it to you for a new one.",
  },
  SHARE_PASSWORD_DELAY: {
    what: "After a wrong password the next one waits a little.",
    next: "That slows down whoever guesses.",
  },
  SHARE_PASSWORD_WRONG: {
    what: "That is not the link’s password.",
    next: "Ask whoever sent you the link for it.",
  },
  SNAPSHOT_AWAY: { what: "The backup’s beginning cannot be fetched now.", next: "Try again in a moment." },
  STATE_DAMAGED: {
    what: "What the device keeps of its own is damaged.",
    next: "Recover with your 24 words: what is stored lies safe with your circle.",
  },
  STATE_FULL: { what: "The device’s own disk is full.", next: "Free some room on it." },
  STATE_UNWRITABLE: { what: "The device cannot write to its own disk.", next: "Look at the disk’s health." },
  STOPPING: {
    what: "The device is being restarted.",
    next: "Try again in a moment; uploads go on where they were.",
  },
  SUPERSEDED: { what: "Another tab or browser goes on with this upload.", next: "Look at it there." },
  TOKEN_EXISTS: { what: "A token has this name already.", next: "Choose another name." },
  TOO_MANY_PROPOSALS: {
    what: "Too many proposals wait already.",
    next: "Let the admins decide on those first.",
  },
  TOO_MANY_REQUESTS: { what: "That was too much at once.", next: "Wait a few seconds, and try again." },
  TOO_MANY_SHARES: { what: "There are as many links as there can be.", next: "End one first." },
  TOO_MANY_STREAMS: {
    what: "Too many files are being carried at once.",
    next: "Wait until one is done, and try again.",
  },
  TOO_MANY_UPLOADS: { what: "Too many uploads are open.", next: "Finish or end one first." },
  TRASH_NOT_FOUND: { what: "The trash does not hold this any more.", next: "Look at the list again." },
  TWO_DEVICES: {
    what: "In a circle of two nothing may be lost, so this wants your word that you know.",
    next: "Invite a third member.",
  },
  UNKNOWN: {
    what: "The device answered something that this page does not understand.",
    next: "Reload the page.",
  },
  UNSETTLED: {
    what: "After the recovery, most members of the circle must be heard first.",
    next: "Wait until more of them are back.",
  },
  UPLOAD_BUSY: { what: "This upload is going on elsewhere.", next: "Wait a moment, and try again." },
  UPLOAD_OFFSET: {
    what: "The device has another part of this file than the browser thought.",
    next: "Try again: it goes on from there.",
  },
  UPLOAD_OVER: { what: "This upload has run out.", next: "Begin it again." },
  UPLOAD_TOO_LARGE: { what: "More came than was announced for this upload.", next: "Begin it again." },
  VERSION_NOT_FOUND: {
    what: "This version is not kept any more.",
    next: "Look at the list of versions again.",
  },
  WORDS_DIFFER: {
    what: "These are not the words that the device showed.",
    next: "Compare your note; if that is gone, set the device up again.",
  },
  WORDS_UNCONFIRMED: {
    what: "The words are not confirmed yet.",
    next: "Confirm them, or set the device up again.",
  },
};
