import type { Messages } from "../i18n.svelte";
import { entry } from "./entry";
import { keeping } from "./keeping";
import { kinds } from "./kinds";
import { reasons } from "./reasons";

export const problems: Messages["problems"] = {
  kinds,
  known: {
    ...reasons,
    ...entry,
    ...keeping,
    OFFLINE: {
      what: "Das Gerät antwortet nicht.",
      next: "Sieh nach, ob es an und im selben Netz ist; dann noch einmal.",
    },
    PASSPHRASE_WRONG: {
      what: "Das ist nicht die Passphrase.",
      next: "Achte auf Tastatursprache und Feststelltaste und versuche es noch einmal.",
    },
    WORDS_CHECKSUM: {
      what: "Diese Wörter passen nicht zusammen: Eines ist ein anderes, oder zwei sind vertauscht.",
      next: "Vergleiche jedes mit deinem Papier, Buchstabe für Buchstabe.",
    },
    WORDS_UNKNOWN: {
      what: "Eines davon ist kein Wiederherstellungswort.",
      next: "Es sind englische Wörter der BIP-39-Liste; such nach einem Schreibfehler.",
    },
    WORDS_COUNT: {
      what: "Es müssen 24 Wörter sein.",
      next: "Tippe alle ein, in der Reihenfolge auf dem Papier.",
    },
    NOT_ADMIN: {
      what: "Das kann nur das Gerät eines Admins.",
      next: "Bitte einen Admin deines Kreises darum.",
    },
    LAST_ADMIN: {
      what: "Der letzte Admin kann nicht gehen.",
      next: "Warte, bis ein anderes Mitglied Admin ist: Wer dazukommt, wird es, bis es drei sind.",
    },
    MEMBER_GONE: { what: "Dieses Mitglied ist schon draußen.", next: "Mehr ist nicht nötig." },
    EPOCH_MOVED: {
      what: "Der Kreis hat sich inzwischen geändert.",
      next: "Sieh ihn dir an, wie er jetzt ist, und tu es noch einmal, wenn es noch nötig ist.",
    },
    TOO_MANY_INVITATIONS: {
      what: "Es sind zu viele Einladungen offen.",
      next: "Zieh eine zurück, die niemand braucht.",
    },
    CIRCLE_FROZEN: {
      what: "Die Mitgliedschaft im Kreis ist eingefroren: Der Schlüssel eines Admins wurde doppelt benutzt.",
      next: "Verloren ist nichts. Sprich mit den anderen Admins; lesen und speichern geht weiter.",
    },
    FENCED: { what: "Ein neueres Gerät von dir hat dieses hier abgelöst.", next: "Benutze das neuere." },
  },
};
