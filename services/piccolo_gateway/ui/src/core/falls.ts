/** What a file still bears when some members are thought away. */

import { bears, type Standing } from "./ring";
import type { Mood } from "./safety";

export interface Place {
  keeper: string;
  state: string;
}

/** How many more of its keepers a file bears losing without the fallen; negative: so many fragments must come back. */
export function left(places: readonly Place[], fallen: ReadonlySet<string>, k: number): number {
  const here = places.filter((place) => place.state === "placed");
  const keepers = [...new Set(here.map((place) => place.keeper))];
  const number = (keeper: string) => keepers.indexOf(keeper);
  const gone = new Set([...fallen].map(number).filter((at) => at >= 0));
  return bears(
    here.map((place) => number(place.keeper)),
    gone,
    k,
  );
}

export function moodOf(bearing: number): Mood {
  if (bearing < 0) return "act";
  return bearing === 0 ? "risk" : "safe";
}

/** How a member's arc is drawn; undefined when it holds nothing. */
export function standing(places: readonly Place[], keeper: string, asked: boolean): Standing | undefined {
  const held = places.filter((place) => place.keeper === keeper);
  if (!held.length) return undefined;
  if (held.every((place) => place.state === "placed")) return asked ? "proven" : "unproven";
  return held.some((place) => place.state === "away") ? "gone" : "rebuilding";
}
