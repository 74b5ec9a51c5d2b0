import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const home = {
  title: "Home",
  empty: "Nothing is stored yet",
  emptyWords:
    "What you put into Files is encrypted here and kept by your circle, so that no lost box can destroy it.",
  first: "Store the first files",
  alone: "You are alone in your circle",
  aloneWords: "Files need the devices of others to be kept. Invite somebody you trust.",
  invite: "Invite somebody",
  survives: (files: number, devices: number) =>
    devices === 1
      ? n(files, "Your file survives the loss of any device.", "All # files survive the loss of any device.")
      : n(files, "Your file survives", "All # files survive") + ` the loss of any ${devices} devices.`,
  survivesNone: (files: number) =>
    n(files, "Your file can be read, but would not", "All # files can be read, but not all would") +
    " survive the loss of a device.",
  atRisk: (files: number) =>
    n(files, "At least # file would not", "At least # files would not") +
    " survive the loss of one more device.",
  unreadable: (files: number) =>
    n(files, "At least # file cannot", "At least # files cannot") + " be read now.",
  repairs: (count: number) => n(count, "# repair is under way.", "# repairs are under way."),
  safe: "Safe",
  risk: "At risk",
  act: "Act now",
  attention: "Needs a look",
  calm: "Nothing needs your attention.",
  repairNow: "Repair now",
  repairing: "What is missing is being rebuilt. You can leave this page meanwhile.",
  rebuilt: (count: number) =>
    count
      ? n(count, "# piece of storage was rebuilt.", "# pieces of storage were rebuilt.")
      : "Nothing is to be rebuilt at the moment. If a member stays away, that begins by itself.",
  waiting: (count: number) =>
    n(count, "# piece of storage waits", "# pieces of storage wait") +
    ": it goes on as soon as a member is back or another one joins.",
  repairFailed: "The repair did not finish. What was rebuilt stays; try again.",
  backUpNow: "Back up now",
  backingUp: "The backup is being written. You can leave this page meanwhile.",
  backedUp: "The backup is at the cloud.",
  moreOn: (member: string) => `More on ${member}`,
  toCircle: "Open the circle",
  toKeeping: "What this device keeps",
  toSpace: "Look at this device’s space",
  working: "Under way",
  work: {
    check: "Your files are being checked",
    repair: "What is missing is being rebuilt",
    recover: "Everything is coming back",
    rotate: "New recovery words are being put in force",
  } as Record<string, string>,
  otherWork: "The device is at work",
  space: "Space",
  mine: "Yours, kept by others",
  others: "Others’, kept here",
  free: "Still free for others",
  backup: "Last backup",
  backupPending: (count: number) => n(count, "# change waits for it", "# changes wait for it"),
  audit: "Last audit",
  auditNone: "not yet; the first comes by itself",
  auditWords: "Blocks of your files, read at random with the members who keep them.",
  members: "Members",
  standings: {
    proven: (count: number) => n(count, "# proven lately", "# proven lately"),
    unproven: (count: number) => n(count, "# not proven yet", "# not proven yet") + "; that comes by itself",
    rebuilding: (count: number) => n(count, "# being rebuilt", "# being rebuilt"),
    gone: (count: number) => n(count, "# away", "# away"),
  },
  away: (count: number) => n(count, "# is away", "# are away"),
  allHere: "All are here",
  machine: "This device",
  processor: "Processor",
  cores: (count: number) => n(count, "# core", "# cores"),
  memory: "Memory",
  disk: "Disk",
  network: "Network",
  of: (whole: string) => `of ${whole}`,
  perSecond: (amount: string) => `${amount}/s in`,
  sent: (amount: string) => `${amount}/s out`,
  given: "Shared space",
  care: "Backup and checks",
};
