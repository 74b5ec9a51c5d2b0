import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const welcome: Messages["welcome"] = {
  page: "Willkommen",
  step: (at, of) => `Schritt ${at} von ${of}`,
  start: "Eine Cloud, die dir gehört",
  startWords:
    "Dieses Gerät bewahrt deine Dateien bei Menschen auf, denen du vertraust: hier verschlüsselt, in Stücke geteilt und auf ihre Geräte verteilt. Niemand sonst kann sie lesen, und kein verlorenes Gerät zerstört sie.",
  fresh: "Dieses Gerät einrichten",
  back: "Alles zurückholen",
  backWords: "Ich habe 24 Wiederherstellungswörter von einem anderen Gerät.",
  freshWords: "Ich bin neu hier oder wurde eingeladen.",
  name: "Wie heißt dieses Gerät?",
  nameWords: "Die Menschen in deinem Kreis sehen diesen Namen.",
  nameLabel: "Name des Geräts",
  nameHint: "Annas Gerät",
  code: "Der Einmalcode des Geräts",
  codeWords:
    "Er steht auf dem Etikett, auf dem Bildschirm des Geräts oder auf dem Datenträger, mit dem es gestartet wurde. Er zeigt, dass du das Gerät einrichten darfst.",
  codeLabel: "Einmalcode",
  passphrase: "Wähle eine Passphrase",
  passphraseWords:
    "Mit ihr öffnest du deine Dateien auf diesem Gerät. Sie verlässt diesen Browser nie lesbar, und niemand kann sie nachschlagen oder zurücksetzen.",
  makeKeys: "Schlüssel machen",
  words: "Schreib diese 24 Wörter auf",
  wordsWords:
    "Geht dieses Gerät verloren, bringen sie alles zurück, und sonst brauchst du nichts. Sie werden nur jetzt gezeigt. Schreib sie auf Papier oder drucke sie; gleich werden drei davon abgefragt.",
  written: "Ich habe sie auf Papier",
  confirm: "Drei Wörter von deinem Zettel",
  confirmWords: "Damit du weißt, dass dein Zettel stimmt, bevor etwas davon abhängt.",
  confirmAgain: "Die Wörter noch einmal ansehen",
  confirmDone: "Abschließen",
  differ: (which) => `Das wurde nicht gezeigt: ${which}. Vergleiche deinen Zettel, Nummer für Nummer.`,
  whichWord: (number) => `Wort ${number}`,
  unconfirmed: "Das Einrichten wurde unterbrochen",
  unconfirmedWords:
    "Dieses Gerät hat 24 Wörter gezeigt und wartet auf drei davon. Noch einmal zeigen kann es sie nicht. Gespeichert ist noch nichts, also geht so oder so nichts verloren.",
  haveNote: "Ich habe die 24 Wörter auf Papier",
  noNote: "Neue Wörter machen",
  noNoteWords:
    "Das Einrichten beginnt von vorn, mit einer neuen Passphrase. Wirf einen älteren Zettel weg: Er öffnet nichts.",
  restarted: "Das Gerät wurde neu gestartet, seit es die Wörter gezeigt hat",
  restartedWords:
    "Es kann sie nicht mehr vergleichen. Das Einrichten beginnt von vorn, mit neuen Wörtern; gespeichert war noch nichts.",

  circle: "Dein Kreis",
  circleWords: [
    "Ein Kreis sind Menschen, die einander die Dateien aufbewahren, jeder mit einem eigenen Gerät.",
    "Deine Dateien kommen verschlüsselt und in Stücken auf die Geräte der anderen; dein Gerät bewahrt Stücke der ihren.",
    "Selbst wenn mehrere Geräte auf einmal verloren gehen, lässt sich alles wieder zusammensetzen.",
  ],
  joinIt: "Mit einer Einladung beitreten",
  joinItWords: "Jemand hat dir eine Einladung geschickt oder zeigt dir einen QR-Code.",
  foundIt: "Einen Kreis gründen",
  foundItWords: "Du machst den Anfang und lädst die anderen ein.",
  found: "Einen Kreis gründen",
  foundWords:
    "Danach lädst du Menschen ein, denen du vertraust. Je mehr Geräte, desto mehr dürfen auf einmal verloren gehen.",
  atRisk: "Wir sind vorerst nur zu zweit",
  atRiskWords:
    "Mit zwei Geräten darf keines verloren gehen: Dateien werden trotzdem aufbewahrt und sind weg, wenn das andere Gerät verloren geht. Ein drittes Mitglied beendet das.",
  foundDone: "Gründen",
  join: "Einem Kreis beitreten",
  joinWords: "Füge die ganze Nachricht ein, die du bekommen hast, oder tippe den Code aus 26 Zeichen.",
  invitation: "Einladung",
  invitationWrong: "Das ist noch keine Einladung: Ein Teil fehlt, oder ein Zeichen ist falsch.",
  scan: "QR-Code mit der Kamera lesen",
  scanning: "Halte den QR-Code vor die Kamera",
  noCamera: "Die Kamera ließ sich nicht benutzen. Tippe stattdessen den Code.",
  look: "Einladung ansehen",
  invited: (who) => `${who} lädt dich ein`,
  invitedWords: (members) =>
    n(members, "Der Kreis hat # Mitglied.", "Der Kreis hat # Mitglieder.") +
    " Sie bewahren Stücke deiner Dateien auf, die sie nicht lesen können; dein Gerät bewahrt Stücke der ihren.",
  joinDone: "Beitreten",
  otherInvitation: "Andere Einladung benutzen",
  joining: "Warten auf Einlass",
  joiningWords: (who) =>
    `Die Admins des Kreises lassen dich ein, sobald die meisten ihrer Geräte an und entsperrt sind${who ? `, darunter das von ${who}` : ""}. Das kann eine Minute dauern oder bis jemand zu Hause ist. Lass diesen Tab solange offen; neu laden darfst du ihn.`,
  joiningStill: "Noch hat niemand dieses Gerät eingelassen. Es fragt weiter.",
  stopWaiting: "Nicht mehr warten",
  waited: "Wartet seit",
};
