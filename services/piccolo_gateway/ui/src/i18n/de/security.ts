import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const security: Messages["security"] = {
  title: "Sicherheit",
  words: "Wer hineinkommt, womit, und was getan wurde.",

  sessions: "Sitzungen",
  sessionsWords:
    "Jeder Browser, der angemeldet ist. Eine Sitzung zu beenden löscht nichts; wer sie nutzte, braucht wieder die Passphrase. Kommt dir eine fremd vor, beende sie und ändere die Passphrase.",
  thisOne: "Dieser Browser",
  on: (browser, system) =>
    browser && system ? `${browser} auf ${system}` : browser || system || "Unbekannter Browser",
  watching: "Sieht nur einer Wiederherstellung zu",
  begun: (when) => `Begonnen ${when}`,
  used: (when) => `zuletzt gesehen ${when}`,
  from: (address) => `von ${address}`,
  ends: (when) => `Endet spätestens am ${when}.`,
  end: "Beenden",
  endOne: (name, when) => `Die Sitzung von ${name} beenden, begonnen ${when}`,
  ended: "Die Sitzung ist beendet.",
  endOthers: (count) => n(count, "Die andere beenden", "Alle # anderen beenden"),
  endedOthers: (count) => n(count, "Die andere Sitzung ist beendet.", "# andere Sitzungen sind beendet."),

  passphrase: "Passphrase",
  passphraseWords:
    "Sie öffnet deine Dateien auf diesem Gerät. Du kannst sie ändern, so oft du willst; deine Dateien und die 24 Wörter bleiben dieselben.",
  change: "Passphrase ändern",
  changeWords:
    "Alle anderen Sitzungen enden. Tokens gelten weiter. Die alte Passphrase öffnet auf diesem Gerät nichts mehr.",
  old: "Bisherige Passphrase",
  fresh: "Neue Passphrase",
  changed: "Die Passphrase ist geändert. Deine anderen Sitzungen sind beendet.",

  recovery: "Wiederherstellungswörter",
  recoveryWords:
    "24 Wörter, die auf einem leeren Gerät alles zurückbringen. Sie sind der Schlüssel zu allem, was du hast.",
  newWords: "Neue Wörter machen",
  newWordsRunning: "Neue Wörter werden in Kraft gesetzt.",
  follow: "Nachsehen, wie weit es ist",

  lock: "Sperren",
  lockNow: "Jetzt sperren",
  log: "Protokoll",
  logWords:
    "Was auf diesem Gerät getan wurde, von wem, und wie es ausging. Niemand kann es ändern, ohne eine Spur zu hinterlassen.",
  toLog: "Protokoll öffnen",

  proof: "Bist du es?",
  proofWords:
    "Was du gerade vorhast, könnte andere drinnen oder dich draußen halten. Darum fragt das Gerät noch einmal.",
  prove: "Weiter",
};
