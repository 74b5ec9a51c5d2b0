/** What the components show in the gallery. */

import { CircleDot, ShieldCheck, TriangleAlert } from "@lucide/svelte";

import type { Schemas } from "../api/client";
import { Problem } from "../api/problem";
import type { Moment } from "../components/Timeline.svelte";

export const known = new Problem(401, "PASSPHRASE_WRONG", "That is not the passphrase.");
export const unknown = new Problem(
  500,
  "INTERNAL",
  "Something went wrong that Piccolo did not foresee.",
  "Try again; if it stays, report the incident number.",
  "4c7d2a91",
);

const NOON = 1_793_275_200;
export const moments: Moment[] = [
  {
    id: 3,
    time: NOON,
    words: "The device was unlocked.",
    detail: "By you",
    icon: ShieldCheck,
    raw: "device.unlock #3",
  },
  {
    id: 2,
    time: NOON - 600,
    words: "A login did not succeed.",
    detail: "refused",
    icon: TriangleAlert,
    mood: "risk",
  },
  { id: 1, time: NOON - 90_000, words: "A repair was begun.", icon: CircleDot },
];

export const members = ["Ana", "Ben", "Cleo", "Dario", "Eva"].map((name, at) => ({
  id: String(at),
  name,
  here: at !== 3,
}));
export const arcs = members.map(({ id }, at) => ({
  member: id,
  standing: (["proven", "proven", "unproven", "gone", "rebuilding"] as const)[at] ?? ("proven" as const),
}));

export const words = Array.from(
  { length: 24 },
  (_, at) => ["abandon", "ability", "zoo", "legal"][at % 4] ?? "",
);

export const challenge: Schemas["Challenge"] = {
  challenge: "0".repeat(64),
  methods: ["totp", "recovery-code", "words"],
  passkey: null,
  expires: NOON,
};
