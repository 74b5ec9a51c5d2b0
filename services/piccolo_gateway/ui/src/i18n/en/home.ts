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
  repairing: "The repair runs.",
  working: "Under way",
  space: "Space",
  mine: "Yours, kept by others",
  others: "Others’, kept here",
  free: "Still free for others",
  backup: "Last backup",
  backupPending: (count: number) => n(count, "# change waits for it", "# changes wait for it"),
  audit: "Last audit",
  auditWords: "Blocks of your files, read at random with the members who keep them.",
  members: "Members",
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
  given: "Given and taken",
  care: "Care",
};
