import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const home = {
  title: "Start",
  empty: "Noch ist nichts gespeichert",
  emptyWords:
    "Was du unter Dateien ablegst, wird hier verschlüsselt und von deinem Kreis aufbewahrt, so dass kein verlorenes Gerät es zerstören kann.",
  first: "Die ersten Dateien ablegen",
  alone: "Du bist allein in deinem Kreis",
  aloneWords: "Aufbewahrt werden Dateien auf den Geräten der anderen. Lade jemanden ein, dem du vertraust.",
  invite: "Jemanden einladen",
  survives: (files: number, devices: number) =>
    devices === 1
      ? n(files, "Deine Datei übersteht", "Alle # Dateien überstehen") +
        " den Verlust eines beliebigen Geräts."
      : n(files, "Deine Datei übersteht", "Alle # Dateien überstehen") +
        ` den Verlust von ${devices} beliebigen Geräten.`,
  survivesNone: (files: number) =>
    n(files, "Deine Datei ist lesbar, überstünde", "Alle # Dateien sind lesbar, nicht alle überstünden") +
    " aber den Verlust eines Geräts" +
    (files === 1 ? " nicht." : "."),
  atRisk: (files: number) =>
    n(files, "Mindestens # Datei überstünde", "Mindestens # Dateien überstünden") +
    " den Verlust eines weiteren Geräts nicht.",
  unreadable: (files: number) =>
    n(files, "Mindestens # Datei ist", "Mindestens # Dateien sind") + " gerade nicht lesbar.",
  repairs: (count: number) => n(count, "# Reparatur läuft.", "# Reparaturen laufen."),
  safe: "Sicher",
  risk: "Gefährdet",
  act: "Jetzt handeln",
  attention: "Sollte jemand ansehen",
  calm: "Nichts braucht deine Aufmerksamkeit.",
  repairNow: "Jetzt reparieren",
  repairing: "Was fehlt, entsteht gerade neu. Du kannst diese Seite solange verlassen.",
  rebuilt: (count: number) =>
    count
      ? n(count, "# Stück im Speicher ist neu entstanden.", "# Stücke im Speicher sind neu entstanden.")
      : "Gerade ist nichts neu aufzubauen. Bleibt ein Mitglied weg, beginnt das von selbst.",
  waiting: (count: number) =>
    n(count, "# Stück im Speicher wartet noch", "# Stücke im Speicher warten noch") +
    ": Es geht weiter, sobald ein Mitglied zurück ist oder ein weiteres dazukommt.",
  repairFailed: "Die Reparatur wurde nicht fertig. Was schon repariert ist, bleibt; versuche es noch einmal.",
  backUpNow: "Jetzt sichern",
  backingUp: "Die Sicherung wird gerade geschrieben. Du kannst diese Seite solange verlassen.",
  backedUp: "Die Sicherung ist in der Cloud.",
  moreOn: (member: string) => `Mehr zu ${member}`,
  toCircle: "Zum Kreis",
  toKeeping: "Was dieses Gerät aufbewahrt",
  toSpace: "Zum Platz auf diesem Gerät",
  working: "In Arbeit",
  work: {
    check: "Deine Dateien werden geprüft",
    repair: "Was fehlt, entsteht neu",
    recover: "Alles kommt zurück",
    rotate: "Neue Wiederherstellungswörter werden in Kraft gesetzt",
  } as Record<string, string>,
  otherWork: "Das Gerät arbeitet",
  space: "Platz",
  mine: "Von dir, bei anderen",
  others: "Von anderen, hier",
  free: "Noch frei für andere",
  backup: "Letzte Sicherung",
  backupPending: (count: number) => n(count, "# Änderung wartet darauf", "# Änderungen warten darauf"),
  audit: "Letzte Prüfung",
  auditNone: "noch nicht; die erste kommt von selbst",
  auditWords: "Blöcke deiner Dateien, zufällig gelesen bei den Mitgliedern, die sie aufbewahren.",
  members: "Mitglieder",
  standings: {
    proven: (count: number) => n(count, "# kürzlich geprüft", "# kürzlich geprüft"),
    unproven: (count: number) => n(count, "# noch ungeprüft", "# noch ungeprüft") + "; das kommt von selbst",
    rebuilding: (count: number) => n(count, "# entsteht neu", "# entstehen neu"),
    gone: (count: number) => n(count, "# weg", "# weg"),
  },
  away: (count: number) => n(count, "# ist weg", "# sind weg"),
  allHere: "Alle sind da",
  machine: "Dieses Gerät",
  processor: "Prozessor",
  cores: (count: number) => n(count, "# Kern", "# Kerne"),
  memory: "Arbeitsspeicher",
  disk: "Festplatte",
  network: "Netzwerk",
  of: (whole: string) => `von ${whole}`,
  perSecond: (amount: string) => `${amount}/s herein`,
  sent: (amount: string) => `${amount}/s hinaus`,
  given: "Geteilter Platz",
  care: "Sicherung und Prüfung",
};
