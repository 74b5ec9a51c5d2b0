import type { Facts } from "../../core/attention";
import { plural } from "../plural";

export interface Sayings {
  time: (seconds: number) => string;
  bytes: (count: number) => string;
}

export interface Said {
  what: string;
  next: string;
}

const n = (count: number, one: string, other: string) => plural("en", count, one, other);
const calm = (what: string): Said => ({ what, next: "" });
const room = "Invite another member, or ask one to give more room.";
const cloud =
  "Look whether this device reaches the internet. What is stored is safe with your circle meanwhile.";

/** By reason: what is the matter, and what helps. */
export const attention: Record<string, (facts: Facts, say: Sayings) => Said> = {
  FILES_UNREADABLE: ({ count }) => ({
    what: n(count, "At least # file cannot be read now.", "At least # files cannot be read now."),
    next: "Bring members that are away back: then they can be read again.",
  }),
  FILES_AT_RISK: ({ count }) => ({
    what:
      n(count, "At least # file would", "At least # files would") +
      " not survive the loss of one more device.",
    next: "Bring members that are away back, or invite another one.",
  }),
  BACKUP_FENCED: () => ({
    what: "A newer device of yours took over; this one writes no backup any more.",
    next: "Use the newer device.",
  }),
  BACKUP_STUCK: () => ({ what: "The backup does not go on.", next: cloud }),
  BACKUP_LATE: ({ count }) => ({
    what:
      "The last backup is older than a day, and " + n(count, "# change waits", "# changes wait") + " for it.",
    next: cloud,
  }),
  DISK_LOW: () => ({
    what: "This device’s own disk is nearly full.",
    next: "Remove what need not be on it: with nothing left, it can remember nothing new.",
  }),
  DISK_DAMAGED: ({ count }) => ({
    what: `This device’s disk damaged ${n(count, "# fragment", "# fragments")} that it keeps for others; their owners put them here anew.`,
    next: "Look at the disk’s health, and replace it if this happens again.",
  }),
  DISK_REFUSING: () => ({
    what: "This device takes nothing new from others at the moment.",
    next: "Give more room, or leave it: others keep instead.",
  }),
  MEMBER_WELL: ({ member }) => calm(`${member} answers, and had all that was read to check on it.`),
  MEMBER_UNCHECKED: ({ member }) => calm(`${member} answers; nothing of it was checked yet.`),
  MEMBER_FULL: ({ member }) => calm(`${member} has no room for more of your files; what it has is safe.`),
  MEMBER_SILENT: ({ member }) => calm(`${member} does not answer at the moment.`),
  MEMBER_AWAY: ({ member, since }, say) => ({
    what: `${member} has been away since ${say.time(since)}. After a week, what it keeps is rebuilt on others.`,
    next: `Ask ${member}’s owner whether the device is on and connected.`,
  }),
  MEMBER_AWAY_LONG: ({ member, since }, say) => ({
    what: `${member} has been away since ${say.time(since)}; what it keeps is rebuilt on others, as far as they have room.`,
    next: `Ask ${member}’s owner whether the device will come back; if not, propose its removal.`,
  }),
  MEMBER_ASKS_BACK: ({ member, bytes, until, stuck }, say) => {
    const what = `${member} needs ${say.bytes(bytes)} back by ${say.time(until)}`;
    return stuck
      ? { what: `${what}, and nobody else has a place for it.`, next: room }
      : calm(`${what}; it is being moved.`);
  },
  MEMBER_MISSED_BLOCKS: ({ member, count }) => ({
    what: `${member} did not have ${n(count, "# block", "# blocks")} that were read to check on it; what was wrong is repaired.`,
    next: `Tell ${member}’s owner that the disk may be failing.`,
  }),
  MEMBER_DAMAGED: ({ member, count }) => ({
    what: `${member} found ${n(count, "# fragment", "# fragments")} of yours damaged on its disk; they are put there anew.`,
    next: `Tell ${member}’s owner that the disk may be failing.`,
  }),
  MEMBER_LEAVING: ({ member, stuck }) =>
    stuck
      ? { what: `${member} is leaving, and nobody else has a place for what it keeps of yours.`, next: room }
      : calm(`${member} is leaving; what it keeps of yours is moved to others.`),
  MEMBER_EXPELLED: ({ member, stuck }) =>
    stuck
      ? { what: `${member} was removed, and nobody else has a place for what it keeps of yours.`, next: room }
      : calm(`${member} was removed; what it keeps of yours is moved to others.`),
  MEMBER_COMPROMISED: ({ member }) => ({
    what: `${member} was cut off as compromised; what it kept is rebuilt on other members.`,
    next: `Help ${member}’s owner to set up another device with the 24 words.`,
  }),
};
