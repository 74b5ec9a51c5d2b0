import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const backups = {
  title: "Backups and recovery",
  words:
    "Your files lie with your circle. The backup is what this device remembers about them: names, folders, where everything is, settings. It is encrypted, and kept away from here.",

  backup: "The backup",
  last: "Last backup",
  never: "Nothing is backed up yet.",
  current: "Everything is in it.",
  pending: (count: number) =>
    n(count, "# change waits for it", "# changes wait for it") + "; it goes by itself.",
  size: (bytes: string) => `${bytes} at the cloud, encrypted`,
  off: "No cloud is set for this device. The members alone can bring your files back, with the contacts and your words.",
  problem: "The backup does not go on. What is already there is safe, and your files are with your circle.",
  fenced: "A newer device of yours took over; this one writes no backup any more. Use the newer one.",
  witnesses: (told: number, members: number) =>
    members === 0
      ? "You are alone in your circle, so nobody can vouch for the backup yet."
      : `${told} of ${n(members, "# member", "# members")} know of your newest backup` +
        (told ? ": a cloud that shows an older one is found out when you recover." : " yet."),
  snapshot: "Back everything up anew",
  snapshotWords: "Not needed day to day: each change is backed up within moments.",
  snapshotCutOff:
    "The connection broke off while the backup was being written, so whether it is complete is not known yet. What was backed up before is safe, and changes are still backed up by themselves. Look at the newest point below, and start it again if it is older.",
  snapshotDone: (number: number) => `Backed up anew, as point ${number}.`,

  test: "Test your recovery words",
  testWords:
    "Take the paper with your 24 words and type them here. They are sealed in this browser before they leave it, compared on the device, and kept nowhere.",
  enter: "Enter the words",
  testNow: "Test the words",
  match: "These are your words. They bring everything back.",
  differ:
    "These are recovery words, but not those of this device. Look for the right paper; if you do not find it, make new words in the settings while this device works.",
  clear: "Test again",

  points: "States that can be restored",
  pointsWords:
    "Each is a moment that this device can be brought back to: names, folders and settings as they were then. Files that were stored since then are found again with the members.",
  pointsNone: "There is none yet. The first comes with the first backup.",
  point: (number: number) => `Point ${number}`,
  whole: "whole",
  device: (generation: number) => `device ${generation}`,
  all: (count: number) => n(count, "Show # older point", "Show # older points"),
  restore: "How a point is restored",
  restoreSteps: [
    "This device stays as it is: a point is restored only on a blank device, a new one or one that was reset.",
    "Write down the number of the point: the blank device does not know this list.",
    "Open the blank device in the browser, choose to recover, and enter your 24 words.",
    "At the last question there, open “Go back to an earlier point” and give the number. Without one it takes the newest.",
    "From then on the new device is yours, and this one writes nothing more.",
  ],

  check: "Check all files",
  checkWords:
    "Asks every member for every fragment of your files. Reading them as well takes longer and finds more.",
  depth: "How thorough",
  depths: {
    0: "Ask for everything",
    10: "Read a tenth of it",
    100: "Read all of it",
  } as Record<number, string>,
  depthWords: {
    0: "Quick: members say what they have.",
    10: "Blocks at random, proven one by one.",
    100: "Everything travels here once; that may take hours.",
  } as Record<number, string>,
  checkNow: "Check now",
  checking: "Your files are being checked",
  checked: (done: string, of: string) => `${done} of ${of}`,
  stop: "Stop",
  stopping: "It stops at the next piece.",
  lastCheck: (when: string) => `Last check: ${when}`,
  sound: "Every fragment is where it should be.",
  damaged: (count: number, of: number) =>
    `${n(count, "# of", "# of")} ${n(of, "# piece", "# pieces")} of storage lack fragments. Nothing is lost; they wait for repair.`,
  lost: (count: number) =>
    n(count, "# piece of storage", "# pieces of storage") + " cannot be brought back by anybody who is here.",
  lostFiles: "These files are concerned:",
  lostMore: (count: number) => n(count, "and # more", "and # more"),
  lostNext:
    "A member that returns with its fragments brings them back. If you have the files elsewhere, store them again.",
  read: (blocks: number, wrong: number) =>
    n(blocks, "# block was read", "# blocks were read") +
    (wrong ? `; ${n(wrong, "# fragment was wrong", "# fragments were wrong")}.` : ", all right."),
  cancelled: "The last check was stopped.",
  failed: "The last check could not be finished.",
  checkCutOff:
    "The last check was cut off because the device was restarted. Nothing is lost by that; start it again when you like.",
  repairCutOff:
    "The repair was cut off because the device was restarted. What it had rebuilt stays; start it again.",
  repair: "Repair now",
  repairWords: "Rebuilds what is missing, also what else would wait a week for members to come back.",
  repairing: "Missing fragments are being rebuilt",
  repaired: (count: number) =>
    count
      ? n(count, "# piece of storage was repaired.", "# pieces of storage were repaired.")
      : "Nothing had to be repaired.",
  waiting: (count: number) =>
    n(count, "# still waits: too few members are here.", "# still wait: too few members are here."),

  homeLink: "Backups and recovery",
};
