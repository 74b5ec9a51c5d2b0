/** Light, dark, or as the system is; and whether things move. */

export type Theme = "system" | "light" | "dark";
export type Motion = "system" | "still";

const THEMES: readonly Theme[] = ["system", "light", "dark"];
const MOTIONS: readonly Motion[] = ["system", "still"];

class Appearance {
  theme = $state<Theme>(stored("theme", THEMES));
  motion = $state<Motion>(stored("motion", MOTIONS));

  constructor() {
    apply("theme", this.theme);
    apply("motion", this.motion);
    addEventListener("storage", () => this.#follow());
  }

  choose(theme: Theme): void {
    this.theme = theme;
    keep("theme", theme);
  }

  move(motion: Motion): void {
    this.motion = motion;
    keep("motion", motion);
  }

  /** Another tab of this browser has chosen. */
  #follow(): void {
    this.theme = stored("theme", THEMES);
    this.motion = stored("motion", MOTIONS);
    apply("theme", this.theme);
    apply("motion", this.motion);
  }
}

type Key = "theme" | "motion";

function stored<T extends string>(key: Key, known: readonly T[]): T {
  const found = localStorage.getItem(`piccolo.${key}`);
  return known.find((one) => one === found) ?? (known[0] as T);
}

function keep(key: Key, value: string): void {
  localStorage.setItem(`piccolo.${key}`, value);
  apply(key, value);
}

function apply(key: Key, value: string): void {
  if (value === "system") delete document.documentElement.dataset[key];
  else document.documentElement.dataset[key] = value;
}

export const appearance = new Appearance();
