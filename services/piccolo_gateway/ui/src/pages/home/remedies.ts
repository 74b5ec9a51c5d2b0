/** What helps in a matter that wants attention, by its reason: a work that is begun here, or a place to go to. */

/** Begun by a button. */
export type Act = "repair" | "backUp";
/** Gone to by a link: a member's sheet, the circle, what is kept here for others, the room given for that. */
export type Place = "member" | "circle" | "keeping" | "space";
/** Nothing here helps: the sentence says what does. */
export type Remedy = Act | Place | "none";

export const REMEDIES: Record<string, Remedy> = {
  FILES_UNREADABLE: "repair",
  FILES_AT_RISK: "repair",
  BACKUP_FENCED: "none",
  BACKUP_STUCK: "backUp",
  BACKUP_LATE: "backUp",
  DISK_LOW: "space",
  DISK_DAMAGED: "keeping",
  DISK_REFUSING: "space",
  MEMBER_WELL: "none",
  MEMBER_UNCHECKED: "none",
  MEMBER_FULL: "none",
  MEMBER_SILENT: "none",
  MEMBER_AWAY: "member",
  MEMBER_AWAY_LONG: "member",
  MEMBER_ASKS_BACK: "circle",
  MEMBER_MISSED_BLOCKS: "repair",
  MEMBER_DAMAGED: "repair",
  MEMBER_LEAVING: "circle",
  MEMBER_EXPELLED: "circle",
  MEMBER_COMPROMISED: "member",
};

export const isAct = (remedy: Remedy): remedy is Act => remedy === "repair" || remedy === "backUp";

/** Where a place is; `owner` is the member's, empty when the matter is nobody's. */
export function addressOf(place: Place, owner: string): string {
  if (place === "space") return "/settings/storage";
  return place === "member" && owner ? `/circle?member=${owner}` : "/circle";
}
