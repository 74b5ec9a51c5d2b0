import type { power as english } from "../en/power";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const power: typeof english = {
  title: "Neu starten, ausschalten, zurücksetzen",
  titleWords: "Dieses Gerät beenden, für einen Moment oder für immer",
  none: "Hier ist Piccolo eine Reihe von Programmen auf einem Computer und kein eigenes Gerät: Beendet wird es dort.",

  restart: "Neu starten",
  restartWords: "Alles hält geordnet an und startet wieder, in ein bis zwei Minuten.",
  restartAsk: "Dieses Gerät neu starten?",
  restartWhat:
    "Laufende Uploads halten an und gehen weiter, sobald das Gerät wieder da ist. Deine Dateien schließen sich, bis jemand die Passphrase eingibt. Die Mitglieder des Kreises kommen so lange ohne dieses Gerät aus.",
  shutdown: "Ausschalten",
  shutdownWords: "Alles hält geordnet an, und das Gerät schaltet sich aus.",
  shutdownAsk: "Dieses Gerät ausschalten?",
  shutdownWhat:
    "Nur sein Einschaltknopf bringt es zurück: Jemand muss dort sein. Solange es aus ist, erreichen die anderen nicht, was es für sie aufbewahrt, und du kommst über dieses Gerät nicht an deine Dateien.",

  danger: "Gefahrenzone",
  reset: "Auf Anfang zurücksetzen",
  resetWords:
    "Das Gerät vergisst alles und startet wie am ersten Tag: bevor du es verkaufst oder weitergibst, oder um neu zu beginnen.",
  resetAsk: (name) => `Soll „${name}“ alles vergessen?`,
  resetNow: "Jetzt zurücksetzen",
  gone: "Sofort und für immer weg",
  goneWords:
    "Die Schlüssel dieses Geräts, sein Zertifikat, und was es von deinen Dateien, Einstellungen und dem Protokoll weiß. Für den Kreis ist es abwesend, bis deine Wörter dich zurückbringen.",
  keeps: (owners, bytes) =>
    owners
      ? `Die Fragmente, die es für andere aufbewahrt: ${bytes} von ${n(owners, "# Mitglied", "# Mitgliedern")}. Deren Geräte bauen sie anderswo neu; bis dahin vertragen deren Dateien einen Verlust weniger.`
      : "Für andere bewahrt es im Moment nichts auf.",
  keepsUnknown: "Die Fragmente, die es für andere aufbewahrt.",
  stays: "Bleibt",
  staysWords: "Deine Dateien: Sie liegen bei den Mitgliedern deines Kreises, nicht hier.",
  noFiles: "Noch gibt es keine.",
  healthUnknown: "Wie viel sie überstehen würden, lässt sich im Moment nicht sagen.",
  backupWhole: "Was dieses Gerät über sie weiß, ist in deiner Sicherung.",
  backupBehind: (changes) =>
    n(
      changes,
      "# Änderung ist noch nicht in deiner Sicherung",
      "# Änderungen sind noch nicht in deiner Sicherung",
    ) + ": Warte darauf, sonst ist das verloren.",
  backupOff:
    "Bei einer Cloud gibt es keine Sicherung: Um zurückzukommen, brauchst du auch die gedruckten Kontakte deines Kreises.",
  backupUnknown: "Ob deine Sicherung vollständig ist, lässt sich im Moment nicht sagen.",
  back: "Der Weg zurück",
  backWords: "Deine 24 Wörter bringen alles zurück, auf diesem Gerät oder auf jedem anderen leeren.",
  testWords: "Prüfe vorher deine Wörter",
  never: "Niemand kann das rückgängig machen, und ohne die 24 Wörter bringt niemand deine Dateien zurück.",

  going: {
    restart: "Das Gerät startet neu",
    shutdown: "Das Gerät schaltet sich aus",
    reset: "Das Gerät vergisst alles",
  },
  goingWords: "Es beendet geordnet seine Arbeit. Lass diese Seite offen.",
  away: {
    restart: "Das Gerät startet",
    shutdown: "Das Gerät antwortet nicht mehr",
    reset: "Das Gerät fängt neu an",
  },
  awayWords: {
    restart:
      "Diese Seite kommt von selbst wieder, sobald das Gerät antwortet; dann fragt es nach deiner Passphrase.",
    shutdown:
      "Gleich ist es aus. Sein Einschaltknopf bringt es zurück, und dann kommt diese Seite von selbst wieder.",
    reset: "In ein bis zwei Minuten begrüßt es seinen ersten Besucher.",
  },
  certificate:
    "Es macht sich ein neues Zertifikat, das dein Browser noch nicht kennt: Dann kann diese Seite nicht von selbst wiederkommen, und der Browser fragt dich.",
  open: "Das Gerät öffnen",
};
