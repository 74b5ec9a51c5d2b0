import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const welcome = {
  page: "Welcome",
  step: (at: number, of: number) => `Step ${at} of ${of}`,
  start: "A cloud of your own",
  startWords:
    "This device keeps your files with people you trust: encrypted here, cut into pieces, and spread over their devices. Nobody else can read them, and no lost device destroys them.",
  fresh: "Set up this device",
  back: "Bring everything back",
  backWords: "I have 24 recovery words from another device.",
  freshWords: "I am new here, or I was invited.",
  name: "What is this device called?",
  nameWords: "The people in your circle see this name.",
  nameLabel: "Device’s name",
  nameHint: "Anna’s device",
  code: "The device’s one-time code",
  codeWords:
    "It is on the device’s label, on its screen, or on the volume it was started with. It shows that the device is yours to set up.",
  codeLabel: "One-time code",
  passphrase: "Choose a passphrase",
  passphraseWords:
    "You type it to open your files on this device. It never leaves this browser in the clear, and nobody can look it up or reset it.",
  makeKeys: "Make my keys",
  words: "Write down these 24 words",
  wordsWords:
    "They bring everything back if this device is lost, with nothing else. They are shown this once. Write them on paper or print them; three are asked in a moment.",
  written: "I have them on paper",
  confirm: "Three words from your note",
  confirmWords: "So that you know your note is right before anything depends on it.",
  confirmAgain: "Look at the words once more",
  confirmDone: "Finish",
  differ: (which: string) => `Not what was shown: ${which}. Compare your note, number by number.`,
  whichWord: (number: number) => `word ${number}`,
  unconfirmed: "Setting up was interrupted",
  unconfirmedWords:
    "This device has shown 24 words and waits for three of them. It cannot show them again. Nothing is stored yet, so nothing is lost either way.",
  haveNote: "I have the 24 words on paper",
  noNote: "Make new words",
  noNoteWords: "Setting up begins again with a new passphrase. Throw an older note away: it opens nothing.",
  restarted: "The device was restarted since it showed the words",
  restartedWords:
    "It can no longer compare them. Setting up begins again, with new words; nothing was stored.",

  circle: "Your circle",
  circleWords: [
    "A circle is a group of people who keep each other’s files, each with a device of their own.",
    "Your files go to the others’ devices, encrypted and in pieces; your device keeps pieces of theirs.",
    "Even if several devices are lost at once, everything can be put together again.",
  ],
  joinIt: "Join with an invitation",
  joinItWords: "Somebody sent you an invitation, or shows you a QR code.",
  foundIt: "Start a circle",
  foundItWords: "You are the first, and invite the others.",
  found: "Start a circle",
  foundWords: "Next you invite people you trust. The more devices, the more may be lost at once.",
  atRisk: "We are only two for now",
  atRiskWords:
    "With two devices no loss can be borne: files are kept all the same, and are gone if the other device is lost. A third member ends that.",
  foundDone: "Start",
  join: "Join a circle",
  joinWords: "Paste the whole message that you were sent, or type the code of 26 characters.",
  invitation: "Invitation",
  invitationWrong: "That is no invitation yet: a part is missing, or a character is mistaken.",
  scan: "Read the QR code with the camera",
  scanning: "Hold the QR code in front of the camera",
  noCamera: "The camera could not be used. Type the code instead.",
  look: "Look at the invitation",
  invited: (who: string) => `${who} invites you`,
  invitedWords: (members: number) =>
    n(members, "The circle has # member.", "The circle has # members.") +
    " They will keep pieces of your files, which they cannot read; your device will keep pieces of theirs.",
  joinDone: "Join",
  otherInvitation: "Use another invitation",
  joining: "Waiting to be let in",
  joiningWords: (who: string) =>
    `The circle’s admins let you in as soon as most of their devices are on and unlocked${who ? `, ${who}’s among them` : ""}. That can take a minute, or until somebody is home. Leave this tab open meanwhile; loading it anew loses nothing.`,
  joiningStill: "Nobody has let this device in yet. It goes on asking.",
  stopWaiting: "Stop waiting",
  waited: "Waiting",
};
