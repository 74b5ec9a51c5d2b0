import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const tokens: Messages["tokens"] = {
  title: "Tokens für Programme",
  words:
    "Ein Token lässt ein Programm hinein, ohne Passphrase und zweiten Faktor, zu dem, was du ihm erlaubst, und nicht weiter. Gib jedem Programm ein eigenes.",
  none: "Kein Programm hat ein Token.",
  make: "Token anlegen",
  name: "Wofür ist es?",
  nameHelp:
    "Steht im Protokoll neben dem, was das Programm tut. Buchstaben ohne Umlaute, Ziffern, Leerzeichen, Punkte, - und _.",
  nameWrong:
    "Beginne mit Buchstabe oder Ziffer; dann Buchstaben ohne Umlaute, Ziffern, Leerzeichen, Punkte, - und _, höchstens 64.",
  nameExample: "Sicherungsskript",
  taken: "So heißt schon ein Token. Nimm einen anderen Namen, damit das Protokoll sie unterscheiden kann.",
  scopes: "Was darf es?",
  scope: {
    read: "Dateien lesen",
    write: "Dateien schreiben",
    admin: "Alles",
    metrics: "Messwerte lesen",
    watch: "Langer Arbeit zusehen",
  },
  scopeWords: {
    read: "Alle Dateien sehen, durchsuchen und herunterladen, und wie sicher sie sind.",
    write: "Dateien hochladen, verschieben und entfernen. Lesen kann es sie ohne das andere Recht nicht.",
    admin:
      "Alles, was diese Seite kann, außer dem, was einen frischen Nachweis verlangt: Passphrase, Wörter, zweite Faktoren, Tokens.",
    metrics: "Für eine Überwachung: wie viel, wie schnell, wie oft. Keine Namen, keine Inhalte.",
    watch: "Sehen, wie weit Reparaturen, Prüfungen und Sicherungen sind. Nichts von Dateien.",
  },
  scopeNone: "Erlaube wenigstens etwas.",
  lifetime: "Wie lange?",
  lifetimes: { "2592000": "30 Tage", "7776000": "90 Tage", "31622400": "1 Jahr", "0": "Ohne Ende" },
  made: (name) => `Token „${name}“`,
  madeWords:
    "Es wird jetzt gezeigt und nie wieder. Kopiere es in das Programm; das Gerät behält nur, woran es das Token wiedererkennt.",
  secret: "Token",
  example: "Zum Beispiel mit curl",
  rclone: "Oder mit rclone, über WebDAV",
  certificate:
    "Das Zertifikat des Geräts stammt von seiner eigenen Stelle. Weist ein Programm es zurück, gib ihm dieses; schalte die Prüfung nicht ab.",
  getCertificate: "piccolo.pem speichern",
  noted: "Ich habe es kopiert",
  created: (when) => `Angelegt ${when}`,
  usedLast: (when) => `zuletzt genutzt ${when}`,
  unused: "noch nie genutzt",
  expires: (when) => `Endet ${when}.`,
  endless: "Hat kein Ende.",
  revoke: "Widerrufen",
  revokeOne: (name) => `Das Token „${name}“ widerrufen`,
  revokeTitle: (name) => `„${name}“ widerrufen?`,
  revokeGone: (name) =>
    `Das Programm, das „${name}“ benutzt, kommt nicht mehr hinein, binnen Sekunden und endgültig: Was es für dich tut, ruht, bis du ihm ein anderes Token gibst.`,
  revokeStays: "Was es gespeichert hat, bleibt, und ebenso, was das Protokoll von ihm erzählt.",
  revoked: (name) => `„${name}“ ist widerrufen.`,
  count: (count) => n(count, "# Token", "# Tokens"),
};
