import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const trash: Messages["trash"] = {
  title: "Papierkorb",
  words:
    "Was du löschst, liegt hier bis zu dem Tag, der dabeisteht, und übersteht dasselbe wie zuvor. Danach ist es endgültig weg.",
  empty: "Der Papierkorb ist leer",
  emptyWords: "Was du löschst, kommt zuerst hierher und lässt sich noch einige Wochen zurückholen.",
  from: "aus",
  removed: "Gelöscht",
  until: (day) => `bleibt bis ${day}`,
  holds: (count) => n(count, "# Datei", "# Dateien"),
  restore: "Zurückholen",
  restored: (name) => `${name} ist wieder an seinem Platz.`,
  restoredAs: (name) => `Der Name war vergeben; zurück ist es als ${name}.`,
  purge: "Endgültig löschen",
  purgeTitle: "Endgültig löschen?",
  purgeGone: (name, count) =>
    `Weg ist dann: ${name}, ` + n(count, "# Datei", "# Dateien") + ", mit allen älteren Versionen.",
  back: "Zurück zu den Dateien",
  list: "Was im Papierkorb liegt",
};
