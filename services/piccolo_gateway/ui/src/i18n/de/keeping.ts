import type { keeping as english } from "../en/keeping";

/** Probleme, denen man in Einstellungen und Sicherheit begegnet. */
export const keeping: typeof english = {
  CODE_WRONG: {
    what: "Das ist nicht der Code der App.",
    next: "Warte auf den nächsten. Geht auch der nicht, vergleiche die Uhr des Telefons mit der des Geräts.",
  },
  ENROLMENT_OVER: {
    what: "Das dauerte zu lange, oder es waren zu viele Versuche.",
    next: "Beginne von vorn.",
  },
  FACTOR_NOT_FOUND: {
    what: "Diesen zweiten Faktor gibt es nicht mehr.",
    next: "Sieh noch einmal in die Liste.",
  },
  NO_BACKUP: {
    what: "In der Cloud ist noch keine Sicherung.",
    next: "Neue Wörter brauchen eine. Warte, bis die erste geschrieben ist, dann beginne von vorn.",
  },
  NO_FACTOR: {
    what: "Wiederherstellungscodes ersetzen einen zweiten Faktor, und es gibt keinen.",
    next: "Füge zuerst eine App oder einen Passkey hinzu.",
  },
  NO_NEW_WORDS: {
    what: "Das Gerät hat die gezeigten Wörter vergessen, weil es inzwischen gesperrt oder neu gestartet wurde.",
    next: "Vernichte diesen Zettel und lass dir neue zeigen. Die alten Wörter gelten noch.",
  },
  PASSKEY_INVALID: {
    what: "Das Gerät nimmt diesen Passkey nicht an.",
    next: "Beginne von vorn und lass den Browser einen neuen anlegen.",
  },
  ROTATION_RUNNING: {
    what: "Es werden schon neue Wörter in Kraft gesetzt.",
    next: "Warte, bis das fertig ist; dann kannst du noch neuere machen.",
  },
  SESSION_NOT_FOUND: { what: "Diese Sitzung ist schon beendet.", next: "Sieh noch einmal in die Liste." },
  TOKEN_NOT_FOUND: { what: "Dieses Token ist schon widerrufen.", next: "Sieh noch einmal in die Liste." },
  TOO_MANY_FACTORS: { what: "Mehr zweite Faktoren kann es nicht geben.", next: "Entferne zuerst einen." },
  TOO_MANY_TOKENS: { what: "Mehr Tokens kann es nicht geben.", next: "Widerrufe zuerst eines." },
};
