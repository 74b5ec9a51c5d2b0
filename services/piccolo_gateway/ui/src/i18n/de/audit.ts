import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

const actions: Messages["audit"]["actions"] = {
  "session.login": {
    done: (subject) =>
      subject === "challenged"
        ? "Die Passphrase stimmte; ein zweiter Nachweis wurde verlangt."
        : "Eine Anmeldung mit der Passphrase gelang.",
    not: () => "Eine Anmeldung gelang nicht.",
  },
  "session.prove": {
    done: (subject) => `Ein frischer Nachweis wurde erbracht${by(subject)}.`,
    not: (subject) => `Ein Nachweis stimmte nicht${by(subject)}.`,
  },
  "session.end": {
    done: (subject) =>
      subject === "others" ? "Alle anderen Sitzungen wurden beendet." : "Eine Sitzung wurde beendet.",
    not: () => "Eine Sitzung wurde nicht beendet.",
  },
  "token.make": {
    done: (subject) => `Das Token „${subject}“ wurde angelegt.`,
    not: (subject) => `Das Token „${subject}“ wurde nicht angelegt.`,
  },
  "token.revoke": {
    done: (subject) => `Das Token „${subject}“ wurde widerrufen.`,
    not: () => "Ein Token wurde nicht widerrufen.",
  },
  "factor.add": {
    done: (subject) => `Ein zweiter Faktor kam hinzu: ${factor(subject)}.`,
    not: () => "Ein zweiter Faktor kam nicht hinzu.",
  },
  "factor.codes": {
    done: () => "Neue Wiederherstellungscodes wurden angelegt; die alten gelten nicht mehr.",
    not: () => "Neue Wiederherstellungscodes wurden nicht angelegt.",
  },
  "factor.rename": {
    done: (subject) => `Ein zweiter Faktor wurde umbenannt: ${factor(subject)}.`,
    not: () => "Ein zweiter Faktor wurde nicht umbenannt.",
  },
  "factor.remove": {
    done: (subject) => `Ein zweiter Faktor wurde entfernt: ${factor(subject)}.`,
    not: () => "Ein zweiter Faktor wurde nicht entfernt.",
  },
  "settings.change": {
    done: (subject) => `Einstellungen wurden geändert: ${subject}.`,
    not: (subject) => `Einstellungen wurden nicht geändert: ${subject}.`,
  },
  "recovery.start": {
    done: () => "Eine Wiederherstellung aus den 24 Wörtern begann.",
    not: () => "Eine Wiederherstellung begann nicht.",
  },
  "backup.snapshot": {
    done: () => "Die ganze Sicherung wurde neu in die Cloud geschrieben.",
    not: () => "Die Sicherung wurde nicht neu geschrieben.",
  },
  "circle.invite": {
    done: () => "Eine Einladung in den Kreis wurde angelegt.",
    not: () => "Eine Einladung wurde nicht angelegt.",
  },
  "circle.revoke": {
    done: () => "Eine Einladung wurde zurückgenommen.",
    not: () => "Eine Einladung wurde nicht zurückgenommen.",
  },
  "circle.found": { done: () => "Der Kreis wurde gegründet.", not: () => "Der Kreis wurde nicht gegründet." },
  "circle.join": {
    done: () => "Dieses Gerät ist dem Kreis beigetreten.",
    not: () => "Dieses Gerät ist dem Kreis nicht beigetreten.",
  },
  "circle.rename": {
    done: () => "Dieses Gerät bekam einen anderen Namen.",
    not: () => "Dieses Gerät bekam keinen anderen Namen.",
  },
  "circle.approve": {
    done: () => "Einer Änderung der Mitglieder wurde zugestimmt.",
    not: () => "Einer Änderung der Mitglieder wurde nicht zugestimmt.",
  },
  "circle.removal": {
    done: () => "Es wurde vorgeschlagen, dass ein Mitglied geht.",
    not: () => "Es wurde nicht vorgeschlagen, dass ein Mitglied geht.",
  },
  "circle.sign": {
    done: () => "Eine Änderung der Mitglieder wurde unterschrieben.",
    not: () => "Eine Änderung der Mitglieder wurde nicht unterschrieben.",
  },
  "file.purge": {
    done: (subject) => `Endgültig entfernt, am Papierkorb vorbei: ${subject}`,
    not: (subject) => `Nicht endgültig entfernt: ${subject}`,
  },
  "share.make": {
    done: (subject) => `Ein Link für Fremde wurde angelegt: ${subject}`,
    not: (subject) => `Ein Link für Fremde wurde nicht angelegt: ${subject}`,
  },
  "share.end": {
    done: () => "Ein Link für Fremde wurde beendet.",
    not: () => "Ein Link für Fremde wurde nicht beendet.",
  },
  "share.content": {
    done: (subject) => `Ein Fremder hat über einen Link heruntergeladen: ${subject}`,
    not: () => "Einem Fremden gelang das Herunterladen über einen Link nicht.",
  },
  "share.download": {
    done: (subject) => `Ein Fremder wollte über einen Link herunterladen: ${subject}`,
    not: () => "Ein Fremder wollte über einen Link herunterladen und bekam es nicht.",
  },
  "operation.cancel": {
    done: () => "Lange Arbeit wurde gebeten aufzuhören.",
    not: () => "Lange Arbeit wurde nicht gebeten aufzuhören.",
  },
  "keeping.scrub": {
    done: () => "Das Gerät soll alles lesen, was es für andere aufbewahrt.",
    not: () => "Das Lesen des Aufbewahrten begann nicht.",
  },
  "store.check": {
    done: () => "Eine Prüfung deiner Dateien begann.",
    not: () => "Eine Prüfung begann nicht.",
  },
  "store.repair": { done: () => "Eine Reparatur begann.", not: () => "Eine Reparatur begann nicht." },
  "device.setup": {
    done: () => "Das Gerät wurde eingerichtet.",
    not: () => "Das Gerät wurde nicht eingerichtet.",
  },
  "device.confirm": {
    done: () => "Die Wiederherstellungswörter wurden bestätigt; das Gerät gehört jemandem.",
    not: () => "Die Wiederherstellungswörter wurden nicht bestätigt.",
  },
  "device.unlock": {
    done: () => "Das Gerät wurde entsperrt.",
    not: () => "Das Gerät wurde nicht entsperrt.",
  },
  "device.lock": { done: () => "Das Gerät wurde gesperrt.", not: () => "Das Gerät wurde nicht gesperrt." },
  "device.restart": {
    done: () => "Das Gerät sollte neu starten.",
    not: () => "Das Gerät startete nicht neu.",
  },
  "device.shutdown": {
    done: () => "Das Gerät sollte sich ausschalten.",
    not: () => "Das Gerät schaltete sich nicht aus.",
  },
  "device.reset": {
    done: () => "Das Gerät sollte alles vergessen.",
    not: () => "Das Gerät vergaß nicht alles.",
  },
  "device.passphrase": {
    done: () => "Die Passphrase wurde geändert; andere Sitzungen endeten.",
    not: () => "Die Passphrase wurde nicht geändert.",
  },
  "device.words": {
    done: () => "Wiederherstellungswörter wurden getestet.",
    not: () => "Ein Test der Wiederherstellungswörter gelang nicht.",
  },
  "device.words.new": {
    done: () => "Neue Wiederherstellungswörter wurden gezeigt.",
    not: () => "Neue Wiederherstellungswörter wurden nicht gezeigt.",
  },
  "device.words.confirm": {
    done: () => "Neue Wiederherstellungswörter wurden bestätigt und treten in Kraft.",
    not: () => "Neue Wiederherstellungswörter wurden nicht bestätigt.",
  },
  "support.bundle": {
    done: () => "Ein Hilfspaket wurde zusammengestellt.",
    not: () => "Ein Hilfspaket wurde nicht zusammengestellt.",
  },
  "vault.recover": {
    done: () => "Dieses Gerät wurde aus den 24 Wörtern wiederhergestellt.",
    not: () => "Dieses Gerät wurde nicht wiederhergestellt.",
  },
  "vault.words.exposed": {
    done: () => "Die alten Wörter gelten als bekannt geworden: Alles wird neu versiegelt.",
    not: () => "Das neue Versiegeln begann nicht.",
  },
  "vault.words.exposed.over": {
    done: () => "Alles ist neu versiegelt; von den bekannt gewordenen Wörtern ist nichts übrig.",
    not: () => "Das neue Versiegeln kam nicht ans Ende.",
  },
  "vault.backup.emptied": {
    done: () => "Die Sicherungen der alten Wörter wurden in der Cloud gelöscht.",
    not: () => "Die Sicherungen der alten Wörter wurden nicht gelöscht.",
  },
  "vault.backup.pruned": {
    done: () => "Sicherungen, die niemand mehr braucht, älter als 30 Tage, wurden in der Cloud gelöscht.",
    not: () => "Sicherungen, die älter als 30 Tage sind, bleiben, weil eine neuere beschädigt ist.",
  },
};

const methods: Record<string, string> = {
  totp: "dem Code der App",
  passkey: "einem Passkey",
  "recovery-code": "einem Wiederherstellungscode",
  words: "den 24 Wörtern",
  passphrase: "der Passphrase",
};

function by(subject: string): string {
  return methods[subject] ? ` mit ${methods[subject]}` : "";
}

function factor(subject: string): string {
  const [kind = "", ...name] = subject.split(" ");
  return `${{ totp: "App", passkey: "Passkey" }[kind] ?? kind} „${name.join(" ")}“`;
}

export const audit: Messages["audit"] = {
  title: "Protokoll",
  words:
    "Was auf diesem Gerät getan wurde, das Neueste zuerst. Jeder Eintrag enthält den Fingerabdruck des vorigen; so lässt sich nichts ändern oder herausnehmen, ohne dass es auffällt.",
  label: "Einträge des Protokolls",
  unknown: (action, subject) => `${action}${subject ? `: ${subject}` : ""}`,
  actions,
  byOwner: "Von dir",
  byToken: (name) => `Durch das Token „${name}“`,
  byNobody: "Von jemandem ohne Anmeldung",
  byService: "Vom Gerät selbst",
  byOther: (actor) => `Von ${actor}`,
  because: (reason) => `abgelehnt: ${reason}`,
  kind: "Was",
  kinds: {
    all: "Alles",
    access: "Wer hereinkam",
    files: "Dateien",
    circle: "Kreis",
    care: "Pflege und Sicherung",
    device: "Gerät und Einstellungen",
    other: "Anderes",
  },
  outcome: "Wie es ausging",
  outcomes: { all: "Beides", ok: "Getan", failed: "Nicht getan" },
  text: "Darin suchen",
  from: "Von (Tag)",
  to: "Bis (Tag)",
  reversed: "Das liegt vor dem ersten Tag.",
  verify: "Kette prüfen",
  whole: (entries) =>
    n(
      entries,
      "Der eine Eintrag ist unversehrt.",
      "Alle # Einträge sind unversehrt: Keiner wurde geändert, keiner fehlt.",
    ),
  broken: (at, number) =>
    `Die Kette reißt bei Eintrag ${number}: Davor wurde etwas geändert oder herausgenommen. ${n(at - 1, "Der # Eintrag davor ist unversehrt.", "Die # Einträge davor sind unversehrt.")}`,
  saveCsv: "Als Tabelle speichern (CSV)",
  saveJson: "Für Programme speichern (NDJSON)",
  saveWords:
    "Speichert das ganze Protokoll mit dem Fingerabdruck jedes Eintrags, damit es sich auch anderswo prüfen lässt.",
  saveChosen: (what) => `Speichert nur, was du ausgewählt hast (${what}), nicht das ganze Protokoll.`,
  since: (day) => `ab ${day}`,
  until: (day) => `bis ${day}`,
  holding: (text) => `mit „${text}“`,
  saved: (entries) =>
    entries
      ? n(entries, "# Eintrag gespeichert.", "# Einträge gespeichert.")
      : "Kein Eintrag passt, darum wurde nichts gespeichert.",
  clear: "Filter aufheben",
  file: "Piccolo-Protokoll",
  none: "Nichts hier passt zu dem, was du gewählt hast.",
  end: "Hier beginnt das Protokoll.",
  more: "Ältere zeigen",
};
