/** One honest state out of what the services tell, the gravest first. */

export type Mood = "safe" | "risk" | "act";

export interface Figures {
  objects: number;
  at_risk: number;
  unreadable: number;
  survives: number;
  repairs: number;
}

/** How everything stands: `act` when something cannot be read, `risk` when one loss may destroy something. */
export function mood(health: Figures): Mood {
  if (health.unreadable > 0) return "act";
  return health.at_risk > 0 ? "risk" : "safe";
}
