import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const phases: Messages["rotation"]["phases"] = {
  "New words are being put in force; this goes on while the device is unlocked":
    "Das Gerät übernimmt die neuen Wörter Schritt für Schritt, solange es entsperrt ist.",
  "Handing the files' keys to the new words": "Die Schlüssel der Dateien gehen an die neuen Wörter über.",
  "Waiting for the cloud to have the backup under the new words":
    "Die Cloud bekommt die Sicherung unter den neuen Wörtern.",
  "Telling the members about the new words": "Die Mitglieder erfahren von den neuen Wörtern.",
  "Renewing what the members keep, so that the new words alone open it":
    "Was die Mitglieder aufbewahren, wird erneuert, damit nur die neuen Wörter es öffnen.",
  "Waiting for the circle's admins to note the new keys":
    "Die Admins des Kreises vermerken die neuen Schlüssel.",
  "Closing the backup of the old words": "Die Sicherung der alten Wörter wird geschlossen.",
  "Deleting the backups of the old words at the cloud":
    "Die Sicherungen der alten Wörter werden in der Cloud gelöscht.",
  "Looking for what is to be sealed anew": "Gesucht wird, was neu zu versiegeln ist.",
};

export const rotation: Messages["rotation"] = {
  title: "Neue Wiederherstellungswörter",
  words:
    "24 neue Wörter treten an die Stelle der alten. Der alte Zettel ist nichts mehr wert, wenn alles fertig ist.",
  why: "Warum willst du neue Wörter?",
  plain: "Ich will einfach neue",
  plainWords:
    "Der alte Zettel ist zu Hause verschwunden, zerrissen oder liegt am falschen Ort; gelesen hat ihn niemand sonst. Das dauert Minuten.",
  exposed: "Jemand könnte die alten kennen",
  exposedWords:
    "Dann wird auch jede Datei unter anderen Schlüsseln neu versiegelt, und was die alten Wörter öffnen, wird endgültig gelöscht, in der Cloud und bei den Mitgliedern. Das dauert so lange, wie alles noch einmal zu speichern.",
  exposedHonest:
    "Was jemand vorher kopiert hat, bleibt für ihn lesbar. Das holt nichts zurück: nicht diese Wörter, nicht dieses Gerät, nicht wir.",
  protects:
    "Neue Wörter sperren aus, wer nur die alten kennt: von dem, was ab jetzt gespeichert wird, von deinem Kreis und von deiner Sicherung. Was die alten Wörter schon öffnen konnten, schützen sie nicht. Bewahre den alten Zettel sicher auf, bis alles fertig ist; dann vernichte ihn.",
  passphrase: "Deine Passphrase, noch einmal",
  begin: "Die neuen Wörter zeigen",
  shownTitle: "Deine 24 neuen Wörter",
  shownWords:
    "Schreibe sie auf oder drucke sie aus. Sie werden jetzt gezeigt und nie wieder. Noch ist nichts geändert: Das beginnt, wenn du drei von ihnen zurückgibst.",
  written: "Ich habe sie aufgeschrieben",
  confirmTitle: "Drei davon, zur Probe",
  confirmWords: "Lies sie von deinem Zettel ab. Von da an setzt das Gerät die neuen Wörter in Kraft.",
  confirm: "Ab jetzt verwenden",
  differ: "Das ist nicht, was gezeigt wurde. Vergleiche diese Wörter mit deinem Zettel.",
  started: "Die neuen Wörter werden in Kraft gesetzt.",
  runningTitle: "Neue Wörter werden in Kraft gesetzt",
  runningWords:
    "Das geht von selbst weiter, auch wenn du diese Seite schließt oder das Gerät neu startet; es muss dafür entsperrt sein. Behalte so lange beide Zettel: In jedem Augenblick bringen die alten oder die neuen Wörter alles zurück.",
  running: "Es läuft",
  phases,
  doneTitle: "Die neuen Wörter gelten",
  doneWords:
    "Ab jetzt bringen nur noch sie alles zurück. Vernichte den alten Zettel: Er öffnet nichts mehr, was von jetzt an gespeichert wird.",
  doneWordsBut: (pieces) =>
    plural(
      "de",
      pieces,
      "Ab jetzt bringen sie alles zurück, bis auf # Stück, das nur die alten Wörter öffnen. Es blieb bei den Mitgliedern: Behalte den alten Zettel, so sicher wie bisher.",
      "Ab jetzt bringen sie alles zurück, bis auf # Stücke, die nur die alten Wörter öffnen. Sie blieben bei den Mitgliedern: Behalte den alten Zettel, so sicher wie bisher.",
    ),
  doneExposed: "Jede Datei ist neu versiegelt, und was die alten Wörter öffneten, ist gelöscht.",
  doneExposedBut: (names: string) =>
    `Jede Datei ist neu versiegelt, und was die alten Wörter öffneten, ist gelöscht, wo es ging. Nicht erreicht: ${names}. Was dort liegt, lässt sich mit den alten Wörtern vielleicht noch öffnen: vernichte den alten Zettel und bitte darum, dass das Gerät dort gelöscht wird.`,
  failedTitle: "Das kam nicht ans Ende",
  failedWords: "Behalte beide Zettel. Das Gerät sagt:",
  toSecurity: "Zurück zur Sicherheit",
};
