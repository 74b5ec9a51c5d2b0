/** How numbers, sizes and times are written for people. Pure: the language and the present are arguments. */

/* a formatter costs more to make than a row of a list to draw, and there are only a few of them */
const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function numbers(language: string, style: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  return kept(`n${language}${JSON.stringify(style)}`, () => new Intl.NumberFormat(language, style));
}

function times(language: string, style: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return kept(`t${language}${JSON.stringify(style)}`, () => new Intl.DateTimeFormat(language, style));
}

function kept<T extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => T): T {
  const found = (made.get(key) as T | undefined) ?? make();
  made.set(key, found);
  return found;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** Bytes as people say them, in powers of 1,000: "3.4 MB". */
export function bytes(count: number, language: string): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 99.5 ? 1 : 0;
  const style = { style: "unit", unit: UNITS[unit] ?? "byte", unitDisplay: unit ? "short" : "long" } as const;
  return numbers(language, { ...style, maximumFractionDigits: digits }).format(value);
}

/** A count with the language's separators: "12,482". */
export function count(value: number, language: string): string {
  return numbers(language).format(value);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** A moment beside the present, both in seconds since 1970: "3 days ago", "in 2 hours". */
export function relative(then: number, now: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const away = then - now;
  for (const [unit, seconds] of STEPS) {
    if (Math.abs(away) >= seconds) return format.format(Math.trunc(away / seconds), unit);
  }
  return format.format(0, "second");
}

/** A moment, exact, in the reader's own time zone. */
export function exact(seconds: number, language: string): string {
  return times(language, { dateStyle: "medium", timeStyle: "medium" }).format(seconds * 1000);
}

/** A day, for lists. */
export function day(seconds: number, language: string): string {
  return times(language, { dateStyle: "medium" }).format(seconds * 1000);
}

/** A length of time, rounded as people do: "3 min", "2 h". */
export function duration(seconds: number, language: string): string {
  const [unit, size] =
    seconds < 90
      ? (["second", 1] as const)
      : seconds < 5400
        ? (["minute", 60] as const)
        : (["hour", 3600] as const);
  const style = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 } as const;
  return numbers(language, style).format(Math.max(1, Math.round(seconds / size)));
}

/** A share of one, without decimals: "98 %". */
export function percent(share: number, language: string): string {
  return numbers(language, { style: "percent", maximumFractionDigits: 0 }).format(share);
}
