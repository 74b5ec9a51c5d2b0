import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);
const unchanged =
  "Es wurde nichts beansprucht und nichts verändert. Die Dateien selbst liegen bei deinem Kreis.";
const damaged = {
  what: "Ein Teil der Sicherung in der Cloud ist beschädigt.",
  safe: unchanged,
  decide:
    "Mach mit einem älteren Punkt weiter. Oder gib die Wörter noch einmal ein und mit ihnen die Kontakte deines Kreises, und wähle „Nicht die Cloud fragen“: Dann kommt alles allein aus dem Kreis zurück.",
};

export const recovery: Messages["recovery"] = {
  words: "Deine 24 Wiederherstellungswörter",
  wordsWords: "Tippe sie in der Reihenfolge deines Zettels, oder füge alle in ein Feld ein.",
  begun:
    "Auf diesem Gerät wurde eine Wiederherstellung begonnen. Gib dieselben 24 Wörter ein, dann geht sie dort weiter.",
  passphrase: "Eine neue Passphrase",
  passphraseWords: "Sie öffnet ab jetzt deine Dateien auf diesem Gerät. Die alte gilt nicht mehr.",
  ready: "Bereit, alles zurückzuholen",
  readyWords:
    "Dieses Gerät tritt an die Stelle deines alten: Seine Sicherung wird geholt, und dein Kreis wird nach Neuerem gefragt. Taucht das alte wieder auf, speichert es nichts mehr.",
  name: "Name des Geräts",
  nameHelp: "Leer bleibt es beim alten Namen.",
  more: "Die Cloud ist weg oder antwortet nicht",
  contacts: "Kontakte deines Kreises",
  contactsHelp: "Der ganze Text, der mit deinen Wörtern gedruckt wurde oder den dir ein Mitglied zeigt.",
  fromCircle: "Nicht die Cloud fragen; mich allein aus dem Kreis zurückholen",
  earlier: "Zurück zu einem früheren Stand",
  point: "Nummer des Punkts",
  pointHelp:
    "Bleibt sie leer, ist es der neueste. Das alte Gerät zählt seine Punkte unter „Sicherung und Wiederherstellung“ auf. Namen, Ordner und Einstellungen sind dann wie damals; Dateien, die seither dazukamen, finden sich bei den Mitgliedern wieder.",
  pointWhole: (point) =>
    `Bis Punkt ${point} ist die Sicherung unversehrt. Namen, Ordner und Einstellungen sind dann wie damals; Dateien, die seither dazukamen, finden sich bei den Mitgliedern wieder.`,
  pointWrong: "Gib eine ganze Zahl ab 1 ein, oder lass das Feld leer.",
  begin: "Alles zurückholen",

  running: "Alles kommt zurück",
  runningWords:
    "Du kannst die Seite verlassen; es geht weiter. Mit diesem Browser siehst du später, wie weit es ist.",
  stages: {
    find: "Deine Sicherung finden",
    fetch: "Sie holen",
    ask: "Den Kreis fragen, ob sie die neueste ist",
    take: "An die Stelle des alten Geräts treten",
    newer: "Neueres zurückholen",
  },
  stage: { done: "erledigt", now: "jetzt", next: "kommt noch" },
  parts: (done, total) => `${done} von ${total}`,
  left: (time) => `noch etwa ${time}`,

  done: "Alles ist wieder da",
  doneWords: (files) => n(files, "# Datei ist wieder hier.", "# Dateien sind wieder hier."),
  backup: {
    proven: "Dein Kreis bestätigt, dass die Sicherung die neueste war.",
    unproven:
      "Noch haben nicht genug Mitglieder geantwortet, um zu bestätigen, dass die Sicherung die neueste war. Was sie an Neuerem haben, kommt zurück, sobald sie antworten.",
    withheld:
      "Die Cloud ließ ihre Sicherung nicht mit dem vergleichen, was dein Kreis weiß. Sieh nach, ob dir etwas fehlt.",
    rolled_back:
      "Die Sicherung der Cloud war älter als das, was dein Kreis weiß. Neuere Dateien kamen von den Mitgliedern zurück; spätere Umbenennungen, Löschungen und Einstellungen sind verloren.",
    circle:
      "Alles kam aus deinem Kreis, ohne die Cloud. Die Namen sind die vom ersten Ablegen; spätere Umbenennungen und alle Einstellungen kennen die Mitglieder nicht.",
  },
  brought: (files) =>
    n(files, "# neuere Datei kam aus deinem Kreis.", "# neuere Dateien kamen aus deinem Kreis."),
  left_over: (pieces) =>
    n(
      pieces,
      "# Stück wartet, bis genug Mitglieder antworten, und kommt dann von selbst zurück.",
      "# Stücke warten, bis genug Mitglieder antworten, und kommen dann von selbst zurück.",
    ),
  exposed: {
    sealing:
      "Fremde kennen vielleicht die Wörter vor diesen. Darum wird alles Ältere von selbst neu versiegelt, solange das Gerät entsperrt ist; was jene Wörter öffneten, wird dann endgültig gelöscht, von den Mitgliedern erst nach 45 Tagen.",
    unknown:
      "Diese Wörter traten an die Stelle anderer. Falls Fremde jene kennen, nimm neue Wörter, sobald eine Cloud eine Sicherung dieses Geräts hat, und sag noch einmal, dass jemand die alten kennt: Dann wird alles neu versiegelt.",
  },
  nothingElse:
    "Sitzungen und Schlüssel von Programmen kommen nicht zurück: Melde dich neu an und mach neue Schlüssel.",
  told: "Mit den Worten des Geräts",
  open: "Meine Dateien öffnen",

  stopped: "Die Wiederherstellung ist stehen geblieben",
  safe: "Was sicher ist",
  decide: "Was du tun kannst",
  doubts: {
    ROLLED_BACK: {
      what: "Die Cloud zeigt eine ältere Sicherung als die, die dein Gerät geschrieben hat.",
      safe: unchanged,
      decide:
        "Bitte den Betreiber der Cloud, die neueren Einträge zurückzubringen; dann nimm ein anderes leeres Gerät, oder schreib Piccolo neu auf die Platte von diesem, wie es in seiner Anleitung steht, und beginne dort noch einmal. Oder mach mit der älteren Sicherung weiter: Neuere Dateien kommen aus deinem Kreis zurück; spätere Umbenennungen, Löschungen und Einstellungen sind verloren.",
    },
    FORK: {
      what: "Die Cloud zeigt eine andere Sicherung als die, die dein Gerät geschrieben hat.",
      safe: unchanged,
      decide:
        "Vielleicht hat jemand dein altes Gerät kopiert, oder die Cloud ist nicht ehrlich: Frag ihren Betreiber. Um ohne die Cloud zurückzukommen, nimm ein anderes leeres Gerät, oder schreib Piccolo neu auf die Platte von diesem, wie es in seiner Anleitung steht, und gib dort mit den Wörtern die Kontakte deines Kreises ein.",
    },
    PROOF_WITHHELD: {
      what: "Die Cloud hat eine Sicherung gezeigt, lässt sie aber nicht mit dem vergleichen, was dein Kreis weiß.",
      safe: unchanged,
      decide:
        "Versuche es noch einmal, wenn die Cloud antwortet. Tut sie es nicht, nimm ein anderes leeres Gerät, oder schreib Piccolo neu auf die Platte von diesem, wie es in seiner Anleitung steht, und komm dort über die Kontakte deines Kreises zurück; oder mach trotzdem weiter, wenn du deiner Cloud vertraust.",
    },
    INTERRUPTED: {
      what: "Das Gerät wurde neu gestartet, während alles zurückkam.",
      safe: "Was schon zurückgekommen ist, bleibt. Die Dateien selbst liegen bei deinem Kreis.",
      decide: "Gib dieselben 24 Wörter noch einmal ein, dann geht es dort weiter, wo es aufhörte.",
    },
    RESTORE_CUT_OFF: {
      what: "Die Wiederherstellung brach ab, bevor sie vollständig war.",
      safe: "Was schon zurückgekommen ist, bleibt, und die Sicherung ist, wie sie war. Die Dateien selbst liegen bei deinem Kreis.",
      decide: "Gib dieselben 24 Wörter noch einmal ein, dann geht es dort weiter, wo es aufhörte.",
    },
    BACKUP_DAMAGED: damaged,
    CHAIN_BROKEN: damaged,
    POINT_MISSING: {
      what: "Die Sicherung hat keinen Punkt mit dieser Nummer.",
      safe: unchanged,
      decide:
        "Vergleiche die Nummer mit deinem Zettel, oder versuche die davor. Bleibt das Feld leer, wird der neueste genommen.",
    },
  },
  again: "Noch einmal",
  toPoint: "Mit diesem Punkt weiter",
  correct: "Die Wörter noch einmal eingeben",
  goOn: "Mit der älteren Sicherung weiter",
  goOnAnyway: "Trotzdem weiter",
  goOnTitle: "Mit dieser Sicherung weitermachen",
  goOnWords: {
    ROLLED_BACK:
      "Spätere Umbenennungen, Löschungen und Einstellungen sind endgültig verloren. Die Dateien bleiben: Neuere kommen aus deinem Kreis zurück.",
    PROOF_WITHHELD:
      "Zeigt die Cloud eine ältere Sicherung, sind spätere Umbenennungen, Löschungen und Einstellungen endgültig verloren. Die Dateien bleiben: Neuere kommen aus deinem Kreis zurück.",
  },
};
