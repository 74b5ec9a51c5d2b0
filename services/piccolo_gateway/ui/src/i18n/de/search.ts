import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const search: Messages["search"] = {
  title: "Suche",
  label: "Ein Teil eines Namens",
  go: "Suchen",
  words: "Tipp einen Teil eines Namens ein. Groß oder klein ist gleich.",
  none: (text) => `Kein Name enthält „${text}“.`,
  found: (count) => n(count, "# Name gefunden", "# Namen gefunden"),
  foundMore: (count) => `Die ersten ${count} Namen, nach Ordnern`,
  more: "Mehr zeigen",
  searching: "Wird gesucht",
};
