/** Chooses the form of a word by a number, as the language does (CLDR). */
export function plural(language: string, count: number, one: string, other: string): string {
  const text = new Intl.NumberFormat(language).format(count);
  return (new Intl.PluralRules(language).select(count) === "one" ? one : other).replace("#", text);
}
