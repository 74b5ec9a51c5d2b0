/** What the figures of a circle mean for people. Pure: the present is an argument. */

import type { Standing } from "./ring";
import type { Mood } from "./safety";

export interface MemberFacts {
  state: string;
  away_since: number;
  last_audit: number;
  owner_bytes: number;
  damaged_fragments: number;
}

const DAY = 86_400;
const RECENT = 30 * DAY;

const MOODS: Record<string, Mood | "plain"> = {
  MEMBER_COMPROMISED: "act",
  MEMBER_EXPELLED: "plain",
  MEMBER_LEAVING: "plain",
  MEMBER_DAMAGED: "risk",
  MEMBER_MISSED_BLOCKS: "risk",
  MEMBER_SILENT: "plain",
  MEMBER_AWAY: "risk",
  MEMBER_AWAY_LONG: "act",
  MEMBER_ASKS_BACK: "risk",
  MEMBER_FULL: "plain",
};

/** How a member's state is coloured, by the reason that the device gives, beside the word for it. */
export function moodOf(reason: string): Mood | "plain" {
  return MOODS[reason] ?? "safe";
}

/** How what a member keeps for this owner is drawn; undefined: it keeps nothing. */
export function standingOf(member: MemberFacts, now: number): Standing | undefined {
  if (member.away_since || member.state === "compromised") return "gone";
  if (!member.owner_bytes) return undefined;
  if (member.state !== "active" || member.damaged_fragments) return "rebuilding";
  return member.last_audit && now - member.last_audit < RECENT ? "proven" : "unproven";
}

/** The arcs of a ring of members: one beside each who keeps something. */
export function arcsOf(
  members: readonly (MemberFacts & { owner_id: string })[],
  now: number,
): { member: string; standing: Standing }[] {
  return members.flatMap((one) => {
    const standing = standingOf(one, now);
    return standing ? [{ member: one.owner_id, standing }] : [];
  });
}

/** What is certain when so many more devices fall at once; `survives`: what everything survives now. */
export function afterFall(survives: number, fallen: number): { mood: Mood; left: number } {
  const left = survives - fallen;
  return { mood: left > 0 ? "safe" : left === 0 ? "risk" : "act", left };
}

/** What is left of a time, as a clock shows it: "23:59:41", "4:07". */
export function clockOf(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, index) => (index ? String(part).padStart(2, "0") : String(part))).join(":");
}
