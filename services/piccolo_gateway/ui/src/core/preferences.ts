/** The owner's settings as they are typed, and as the device takes them. */

export type Value = boolean | number | string;

export interface Setting {
  name: string;
  value: Value;
  default: Value;
  meaning: string;
}

/** What stands in a field for a value. */
export function typed(value: Value): string {
  return String(value);
}

/** The value that was typed, of the type that the setting has; undefined when it is none. */
export function read(setting: Setting, text: string): Value | undefined {
  const trimmed = text.trim();
  if (typeof setting.default === "boolean") return trimmed === "true";
  if (typeof setting.default === "string") return trimmed;
  return /^-?\d{1,15}$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** What to send for what was typed, null for what is the default again; undefined when something cannot be read. */
export function changes(
  settings: readonly Setting[],
  texts: Readonly<Record<string, string>>,
): Record<string, Value | null> | undefined {
  const found: Record<string, Value | null> = {};
  for (const setting of settings) {
    const value = read(setting, texts[setting.name] ?? typed(setting.value));
    if (value === undefined) return undefined;
    if (value !== setting.value) found[setting.name] = value === setting.default ? null : value;
  }
  return found;
}

/** What to send to have the values of before again. */
export function undoing(
  settings: readonly Setting[],
  sent: Readonly<Record<string, unknown>>,
): Record<string, Value | null> {
  return Object.fromEntries(
    settings
      .filter((one) => one.name in sent)
      .map((one) => [one.name, one.value === one.default ? null : one.value]),
  );
}
