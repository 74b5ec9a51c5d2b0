import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const backups: Messages["backups"] = {
  title: "Sicherung und Wiederherstellung",
  words:
    "Deine Dateien liegen bei deinem Kreis. Die Sicherung ist, was sich dieses Gerät darüber merkt: Namen, Ordner, wo alles liegt, Einstellungen. Sie ist verschlüsselt und liegt anderswo.",

  backup: "Die Sicherung",
  last: "Letzte Sicherung",
  never: "Noch ist nichts gesichert.",
  current: "Alles ist darin.",
  pending: (count) =>
    n(count, "# Änderung wartet darauf", "# Änderungen warten darauf") + "; es geht von selbst.",
  size: (bytes) => `${bytes} in der Cloud, verschlüsselt`,
  off: "Für dieses Gerät ist keine Cloud eingestellt. Allein die Mitglieder bringen deine Dateien zurück, mit den Kontakten und deinen Wörtern.",
  problem:
    "Die Sicherung kommt nicht voran. Was schon dort ist, ist sicher, und deine Dateien sind bei deinem Kreis.",
  fenced:
    "Ein neueres Gerät von dir hat dieses hier abgelöst; es schreibt keine Sicherung mehr. Benutze das neuere.",
  witnesses: (told, members) =>
    members === 0
      ? "Du bist allein in deinem Kreis, also kann noch niemand für die Sicherung bürgen."
      : `${told} von ${n(members, "# Mitglied kennt", "# Mitgliedern kennen")} deine neueste Sicherung` +
        (told ? ": Eine Cloud, die eine ältere zeigt, fällt bei der Wiederherstellung auf." : " schon."),
  snapshot: "Alles neu sichern",
  snapshotWords: "Im Alltag nicht nötig: Jede Änderung wird in Augenblicken gesichert.",
  snapshotCutOff:
    "Die Verbindung brach ab, während die Sicherung geschrieben wurde; ob sie vollständig ist, ist noch nicht bekannt. Was vorher gesichert war, ist sicher, und Änderungen werden weiter von selbst gesichert. Sieh unten nach dem neuesten Punkt, und starte sie noch einmal, wenn er älter ist.",
  snapshotDone: (number) => `Neu gesichert, als Punkt ${number}.`,

  test: "Wiederherstellungswörter prüfen",
  testWords:
    "Nimm das Papier mit deinen 24 Wörtern und tippe sie hier ein. Sie werden in diesem Browser versiegelt, bevor sie ihn verlassen, auf dem Gerät verglichen und nirgends aufgehoben.",
  enter: "Wörter eingeben",
  testNow: "Wörter prüfen",
  match: "Das sind deine Wörter. Sie bringen alles zurück.",
  differ:
    "Das sind Wiederherstellungswörter, aber nicht die dieses Geräts. Such das richtige Papier; findest du es nicht, mach in den Einstellungen neue Wörter, solange dieses Gerät läuft.",
  clear: "Noch einmal prüfen",

  points: "Stände, die sich wiederherstellen lassen",
  pointsWords:
    "Jeder ist ein Augenblick, auf den sich dieses Gerät zurückbringen lässt: Namen, Ordner und Einstellungen wie damals. Dateien, die seither dazukamen, finden sich bei den Mitgliedern wieder.",
  pointsNone: "Noch gibt es keinen. Der erste kommt mit der ersten Sicherung.",
  point: (number) => `Punkt ${number}`,
  whole: "vollständig",
  device: (generation) => `Gerät ${generation}`,
  all: (count) => n(count, "# älteren Punkt zeigen", "# ältere Punkte zeigen"),
  restore: "Wie man einen Stand wiederherstellt",
  restoreSteps: [
    "Dieses Gerät bleibt, wie es ist: Wiederhergestellt wird nur auf einem leeren Gerät, einem neuen oder einem zurückgesetzten.",
    "Schreib dir die Nummer des Punkts auf: Das leere Gerät kennt diese Liste nicht.",
    "Öffne das leere Gerät im Browser, wähle Wiederherstellen und gib deine 24 Wörter ein.",
    "Öffne dort bei der letzten Frage „Zurück zu einem früheren Stand“ und gib die Nummer ein. Ohne sie nimmt es den neuesten.",
    "Von da an ist das neue Gerät deines, und dieses hier schreibt nichts mehr.",
  ],

  check: "Alle Dateien prüfen",
  checkWords:
    "Fragt jedes Mitglied nach jedem Fragment deiner Dateien. Sie auch zu lesen dauert länger und findet mehr.",
  depth: "Wie gründlich",
  depths: {
    0: "Nach allem fragen",
    10: "Ein Zehntel lesen",
    100: "Alles lesen",
  },
  depthWords: {
    0: "Schnell: Die Mitglieder sagen, was sie haben.",
    10: "Zufällige Blöcke, einer um den anderen bewiesen.",
    100: "Alles kommt einmal hierher; das kann Stunden dauern.",
  },
  checkNow: "Jetzt prüfen",
  checking: "Deine Dateien werden geprüft",
  checked: (done, of) => `${done} von ${of}`,
  stop: "Anhalten",
  stopping: "Es hält beim nächsten Stück an.",
  lastCheck: (when) => `Letzte Prüfung: ${when}`,
  sound: "Jedes Fragment ist, wo es sein soll.",
  damaged: (count, of) =>
    `${n(count, "# von", "# von")} ${n(of, "# Stück", "# Stücken")} im Speicher fehlen Fragmente. Verloren ist nichts; die Reparatur steht an.`,
  lost: (count) =>
    n(count, "# Stück im Speicher kann", "# Stücke im Speicher können") +
    " von niemandem zurückgebracht werden, der da ist.",
  lostFiles: "Diese Dateien betrifft es:",
  lostMore: (count) => n(count, "und # weitere", "und # weitere"),
  lostNext:
    "Kommt ein Mitglied mit seinen Fragmenten wieder, bringt es sie zurück. Hast du die Dateien anderswo, speichere sie neu.",
  read: (blocks, wrong) =>
    n(blocks, "# Block wurde gelesen", "# Blöcke wurden gelesen") +
    (wrong ? `; ${n(wrong, "# Fragment war falsch", "# Fragmente waren falsch")}.` : ", alle richtig."),
  cancelled: "Die letzte Prüfung wurde angehalten.",
  failed: "Die letzte Prüfung kam nicht zum Ende.",
  checkCutOff:
    "Die letzte Prüfung brach ab, weil das Gerät neu gestartet wurde. Verloren ist dadurch nichts; starte sie noch einmal, wann du willst.",
  repairCutOff:
    "Die Reparatur brach ab, weil das Gerät neu gestartet wurde. Was schon repariert ist, bleibt; starte sie noch einmal.",
  repair: "Jetzt reparieren",
  repairWords:
    "Baut neu auf, was fehlt, auch das, was sonst eine Woche auf zurückkehrende Mitglieder wartete.",
  repairing: "Fehlende Fragmente entstehen neu",
  repaired: (count) =>
    count
      ? n(count, "# Stück im Speicher wurde repariert.", "# Stücke im Speicher wurden repariert.")
      : "Zu reparieren gab es nichts.",
  waiting: (count) =>
    n(count, "# wartet noch: Zu wenige Mitglieder sind da.", "# warten noch: Zu wenige Mitglieder sind da."),

  homeLink: "Sicherung und Wiederherstellung",
};
