/** What somebody should look at, as facts that a sentence in any language is made of. */

export interface Facts {
  reason: string;
  member: string;
  /** Seconds since 1970 since when a member is away; 0: it is here. */
  since: number;
  /** Files, fragments, blocks or changes: what the reason counts. */
  count: number;
  bytes: number;
  /** Seconds since 1970 until when something holds. */
  until: number;
  stuck: boolean;
}

interface Figures {
  name: string;
  reason: string;
  away_since: number;
  failed_blocks: number;
  damaged_fragments: number;
  beyond_bytes: number;
  stuck: boolean;
  notices: { until: number }[];
}

/** The facts about a member. */
export function ofMember(one: Figures): Facts {
  const count = one.reason === "MEMBER_DAMAGED" ? one.damaged_fragments : one.failed_blocks;
  return {
    reason: one.reason,
    member: one.name,
    since: one.away_since,
    count,
    bytes: one.beyond_bytes,
    until: one.notices[0]?.until ?? 0,
    stuck: one.stuck,
  };
}

/** The facts about something else that only counts. */
export function ofCount(reason: string, count: number): Facts {
  return { reason, member: "", since: 0, count, bytes: 0, until: 0, stuck: false };
}
