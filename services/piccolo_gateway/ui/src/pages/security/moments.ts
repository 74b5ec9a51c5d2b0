/** Events of the audit log in the words of the page. */

import {
  CircleDot,
  FileClock,
  HardDrive,
  HeartPulse,
  ShieldCheck,
  TriangleAlert,
  UsersRound,
} from "@lucide/svelte";

import type { Schemas } from "../../api/client";
import type { Moment } from "../../components/Timeline.svelte";
import { kindOf } from "../../core/trail";
import type { Messages } from "../../i18n/i18n.svelte";

type Words = Messages["audit"];
type Event = Schemas["AuditEvent"];

const ICONS = {
  access: ShieldCheck,
  files: FileClock,
  circle: UsersRound,
  care: HeartPulse,
  device: HardDrive,
  other: CircleDot,
};
const TOKEN = "token:";

/** What was done, as a sentence. */
export function sentenceOf(t: Words, event: Event): string {
  const known = t.actions[event.action];
  if (!known) return t.unknown(event.action, event.subject);
  return event.outcome === "ok" ? known.done(event.subject) : known.not(event.subject);
}

/** An event as the timeline shows it. */
export function momentOf(t: Words, event: Event): Moment {
  const good = event.outcome === "ok";
  return {
    id: event.number,
    time: event.time,
    words: sentenceOf(t, event),
    detail: [actorOf(t, event.actor), good ? "" : t.because(event.outcome)].filter(Boolean).join(", "),
    icon: good ? ICONS[kindOf(event.action)] : TriangleAlert,
    mood: good ? "plain" : "risk",
    raw: `${event.action} #${event.number}`,
  };
}

function actorOf(t: Words, actor: string): string {
  if (actor === "owner") return t.byOwner;
  if (actor === "anonymous") return t.byNobody;
  if (actor.startsWith("service:")) return t.byService;
  return actor.startsWith(TOKEN) ? t.byToken(actor.slice(TOKEN.length)) : t.byOther(actor);
}
