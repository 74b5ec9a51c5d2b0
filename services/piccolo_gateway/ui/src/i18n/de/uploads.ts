import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const uploads: Messages["uploads"] = {
  title: "Uploads",
  looking: "Es wird nachgesehen, was schon da ist",
  going: (count) => n(count, "# Datei wird hochgeladen", "# Dateien werden hochgeladen"),
  paused: "Angehalten",
  allDone: (count) => n(count, "# Datei ist gespeichert", "# Dateien sind gespeichert"),
  needsYou: (count) => n(count, "# Datei braucht dich", "# Dateien brauchen dich"),
  left: (time) => `noch ${time}`,
  perSecond: (bytes) => `${bytes}/s`,
  of: (sent, all) => `${sent} von ${all}`,
  pause: "Anhalten",
  resume: "Weiter",
  retry: "Noch einmal",
  end: "Abbrechen",
  pauseAll: "Alle anhalten",
  resumeAll: "Alle weiter",
  endAll: "Alle abbrechen",
  close: "Liste schließen",
  show: "Liste zeigen",
  hide: "Liste verbergen",
  named: (act, name) => `${act}: ${name}`,
  more: (count) => n(count, "# weitere wartet", "# weitere warten"),
  endTitle: "Alle Uploads abbrechen?",
  endWords: (count) =>
    n(count, "# Datei wird nicht gespeichert.", "# Dateien werden nicht gespeichert.") +
    " Was schon gespeichert ist, bleibt, und auf diesem Rechner ändert sich nichts.",
  stages: {
    waiting: "Wartet",
    sending: "Wird gesendet",
    storing: "Die Mitglieder speichern sie",
    paused: "Angehalten",
    failed: "Konnte nicht gespeichert werden",
    missing: "Bitte neu auswählen",
    done: "Gespeichert",
  },
  missingTitle: (count) => n(count, "# Datei neu auswählen", "# Dateien neu auswählen"),
  missingWords:
    "Die Seite wurde neu geladen, und der Browser weiß nicht mehr, wo diese Dateien liegen. Wähle sie noch einmal aus, dann geht jede dort weiter, wo sie war:",
  chooseAgain: "Dateien auswählen",
  chooseFolder: "Ordner auswählen",
  allow: (count) => n(count, "Der Browser darf sie wieder öffnen", "Der Browser darf # davon wieder öffnen"),
  notThese: "Davon fehlt keine: Name, Größe und Zeit müssen dieselben sein.",
  reasons: {
    other: "Das Gerät hat sie abgelehnt.",
    OFFLINE: "Das Gerät antwortet nicht; es wird noch einmal versucht.",
    BROWSER: "Der Browser konnte sie nicht lesen.",
    NO_ROOM: "Der Kreis hat keinen Platz dafür.",
  },
  conflictTitle: (count) => n(count, "# Name ist schon da", "# Namen sind schon da"),
  conflictWords: "Für alle:",
  replace: "Als neue Version ersetzen",
  replaceWords: "Was jetzt da ist, bleibt als ältere Version erhalten.",
  both: "Beide behalten",
  bothWords: "Die neuen bekommen eine Nummer hinter den Namen.",
  skip: "Überspringen",
  skipWords: "Diese werden nicht hochgeladen, alle anderen schon.",
  andMore: (count) => n(count, "und # weitere", "und # weitere"),
};
