import { plural } from "../plural";

export const words = {
  word: "Wort",
  all: "Deine 24 Wiederherstellungswörter",
  known: (count: number) => plural("de", count, "# von 24 Wörtern", "# von 24 Wörtern"),
  unknown: "Steht nicht in der Liste",
  other: "Ein anderes Wort",
  checksum:
    "Jedes Wort steht in der Liste, aber zusammen gehen sie nicht auf: Eines wurde verwechselt, oder zwei sind vertauscht. Vergleiche jedes mit deinem Zettel.",
  sheet: "Piccolo-Wiederherstellungswörter",
  secret:
    "Wer diese Wörter hat, hat alle deine Dateien. Bewahre dieses Blatt dort auf, wo dein Wertvollstes liegt, und zeige es niemandem. Auf einem leeren Gerät bringen diese Wörter alles zurück.",
  contacts: "Kontakte deines Kreises",
  print: "Drucken",
  save: "Als Text speichern",
  file: "Piccolo-Wiederherstellungswörter",
};
