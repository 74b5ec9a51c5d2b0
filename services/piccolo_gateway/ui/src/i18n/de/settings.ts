import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

const known: Messages["settings"]["known"] = {
  "device.name": {
    label: "Rufname",
    meaning:
      "An ihm finden Geräte in deinem Netz zu Hause dieses hier: Aus „Anas Kiste“ wird anas-kiste.local, sobald das Gerät ihn annimmt.",
    unit: () => "",
  },
  "versions.keep": {
    label: "Versionen einer Datei",
    meaning: "So viele Versionen einer Datei werden aufbewahrt, die aktuelle mitgezählt.",
    unit: (value) => n(value, "# Version", "# Versionen"),
  },
  "versions.min_age_days": {
    label: "Jede Version mindestens aufbewahren",
    meaning: "So lange bleibt eine ersetzte Version mindestens, wie viele neuere es auch gibt.",
    unit: (value) => n(value, "# Tag", "# Tage"),
  },
  "trash.days": {
    label: "Zeit im Papierkorb",
    meaning: "So lange kannst du entfernte Dateien zurückholen.",
    unit: (value) => n(value, "# Tag", "# Tage"),
  },
  "storage.k": {
    label: "Fragmente, die eine Datei zurückbringen",
    meaning:
      "So viele ihrer Fragmente, gleich welche, bringen eine neue Datei zurück. Bei 0 wählen die Regeln.",
    unit: (value) => (value ? n(value, "# Fragment", "# Fragmente") : ""),
  },
  "storage.m": {
    label: "Fragmente einer Datei",
    meaning:
      "In so viele wird eine neue Datei zerlegt, jedes für ein anderes Mitglied. Bei 0 wählen die Regeln.",
    unit: (value) => (value ? n(value, "# Fragment", "# Fragmente") : ""),
  },
};

export const settings: Messages["settings"] = {
  title: "Einstellungen",
  general: "Allgemein",
  generalWords: "Name des Geräts, Sprache, Aussehen",
  keeping: "Versionen, Papierkorb und Fragmente",
  keepingWords: "Wie lange Altes bleibt, und wie neue Dateien verteilt werden",
  security: "Sicherheit",
  securityWords: "Sitzungen, Tokens, zweite Faktoren, Passphrase, Wörter, Protokoll",
  backups: "Sicherungen und Wiederherstellung",
  backupsWords: "Was alles zurückbringt, und wie weit es damit ist",
  offer: "Platz für andere",
  offerWords: "Was dieses Gerät für deinen Kreis aufbewahrt",
  trust: "Diesem Gerät vertrauen",
  trustWords: "Keine Warnung mehr, wenn ein Browser es öffnet",
  about: "Über dieses Gerät",
  aboutWords: "Versionen, die Beschreibung der API",
  lock: "Jetzt sperren",
  lockWords:
    "Deine Dateien schließen sich in jedem Browser, bis jemand die Passphrase eingibt. Die Fragmente der anderen bewahrt das Gerät weiter auf.",
  leave: "Abmelden",
  leaveWords:
    "Beendet die Sitzung dieses Browsers. Für deine anderen Sitzungen und Programme bleiben die Dateien offen.",

  deviceName: "Name dieses Geräts",
  inTheCircle: "Im Kreis",
  deviceNameWords:
    "Unter ihm kennen es die anderen Mitglieder; einen neuen Namen sehen sie innerhalb von Minuten.",
  renamed: "Das Gerät hat seinen neuen Namen.",
  noCircle: "Es hat noch keinen Namen: Den wählst du, wenn das Gerät einem Kreis beitritt.",
  homeName: "Name in deinem Netz zu Hause",
  homeNow: (name) => `Zurzeit hört es auf ${name}.`,
  homeTaken: (name) => `Ein anderes Gerät heißt schon ${name}, darum nahm dieses einen anderen Namen.`,
  homeNone: "Dort hat es im Moment keinen Namen; man erreicht es unter seiner Adresse.",
  language: "Sprache",
  languageWords: "Für diesen Browser. Sie wechselt sofort.",
  theme: "Aussehen",
  themes: { system: "Wie das System", light: "Hell", dark: "Dunkel" },
  motion: "Bewegung",
  motions: { system: "Wie das System", still: "Keine" },
  motionWords: "Ohne Bewegung gleitet und dreht sich nichts; es ist einfach da.",

  keepingIntro:
    "Sie gehören dir und sind Teil deiner Sicherung. Sie gelten für alles, was von jetzt an geschieht; was schon gespeichert ist, bleibt, wie es ist.",
  olds: "Was ersetzt oder entfernt wird",
  spread: "Wie neue Dateien verteilt werden",
  spreadWords:
    "Die Regeln kennen deinen Kreis und wählen für fast alle gut. Andere Zahlen machen Dateien sicherer oder kleiner, nicht beides.",
  others: "Weitere Einstellungen",
  byDefault: (value) => `Wenn du nichts wählst: ${value}.`,
  toDefault: "Dahin zurück",
  invalid: "Hier muss eine ganze Zahl stehen.",
  saved: "Gespeichert.",
  undone: "Wieder wie vorher.",
  on: "An",
  off: "Aus",
  known,

  offerGiven: (given) => `Dieses Gerät gibt dem Kreis ${given}.`,
  offerUsed: "Von anderen belegt",
  offerFree: "Noch frei für sie",
  offerHow:
    "Wie viel es gibt, steht auf dem Gerät selbst, in der Konfiguration des Fragmentspeichers: Was anderen versprochen ist, soll niemand im Browser zurücknehmen.",
  offerOwners: (owners) =>
    n(owners, "# Mitglied bewahrt hier etwas auf", "# Mitglieder bewahren hier etwas auf") +
    ". Es ist verschlüsselt; hier kann es niemand lesen.",

  version: "Fassung",
  built: (day) => `zusammengestellt am ${day}`,
  started: "Gestartet",
  services: "Dienste",
  answers: "Antwortet",
  silent: "Antwortet nicht",
  packages: (count) => n(count, "# Paket mit seiner Version", "# Pakete mit ihren Versionen"),
  state: "Zustand",
  states: { locked: "Gesperrt", unlocked: "Offen", empty: "Leer", unconfirmed: "Noch nicht eingerichtet" },
  session: "Diese Sitzung",
  sessionWords: (since) => `begonnen ${since}`,
  support: "Wenn dir jemand hilft",
  supportWords:
    "Das Hilfspaket sagt dem, der dir hilft, wie es diesem Gerät geht, und nichts von dem, was dir gehört.",
  supportHolds:
    "Darin: Versionen, Zustand, Anzahlen, Messwerte, die letzten Zeilen aus dem Journal der Tür. Nicht darin: kein Name einer Datei, einer Person oder eines Geräts, kein Satz, kein Schlüssel, kein Geheimnis. Es ist eine ZIP-Datei mit einfachem Text; sieh hinein, bevor du sie weitergibst.",
  supportSave: "Hilfspaket speichern",
  api: "Für Programme",
  apiWords:
    "Alles, was diese Seite tut, tut die API. Ihre Beschreibung nennt jede Adresse; ein Token lässt ein Programm hinein.",
  apiDocument: "Beschreibung der API herunterladen",
  makeToken: "Token anlegen",
  own: "Schriften, Symbole und Programme dieser Seite kommen von deinem Gerät. Von anderswo wird nichts geladen.",
};
