import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const circle: Messages["circle"] = {
  title: "Kreis",
  invite: "Jemanden einladen",
  summary: (members, away) =>
    n(
      members,
      "Ein anderes Mitglied bewahrt deine Dateien auf",
      "# andere Mitglieder bewahren deine Dateien auf",
    ) + (away ? `; ${n(away, "eines ist weg", "# sind weg")}.` : "; alle sind da."),
  none: "Dieses Gerät ist noch in keinem Kreis",
  noneWords:
    "Ein Kreis sind ein paar Leute, die einander die Dateien aufbewahren, verschlüsselt. Richte dieses Gerät ein, um einen zu gründen, oder nimm eine Einladung an.",
  alone: "Du bist allein in deinem Kreis",
  aloneWords:
    "Ein Kreis sind ein paar Leute, die einander die Dateien aufbewahren, verschlüsselt. Lade jemanden ein, dessen Gerät meistens an ist.",

  fenced: "Ein neueres Gerät von dir hat dieses hier abgelöst. Benutze jenes; dieses schreibt nichts mehr.",
  alarms: {
    CIRCLE_FROZEN: () =>
      "Die Mitgliedschaft im Kreis ist eingefroren: Der Schlüssel eines Admins wurde doppelt benutzt. Lesen und speichern geht weiter; sprich mit den anderen Admins.",
    DEVICE_TWICE: (member) =>
      `Zwei Geräte behaupten, das neueste von ${member} zu sein. Frag ${member}, welches das richtige ist.`,
    CERTIFICATE_TWICE: (member) =>
      `Das Gerät von ${member} nennt ein Zertifikat, das einem anderen Mitglied gehört; damit wird es nicht eingelassen. Frag ${member} danach.`,
  },
  changes: {
    JOINS: (member) => `${member} tritt dem Kreis bei.`,
    RETURNS: (member) => `${member} kommt in den Kreis zurück.`,
    LEAVES: (member) => `${member} verlässt den Kreis.`,
    EXPELLED: (member) => `${member} wird aus dem Kreis entfernt.`,
    COMPROMISED: (member) => `Das Gerät von ${member} wird als kompromittiert ausgesperrt.`,
    NEW_WORDS: (member) => `${member} hat neue Wörter.`,
    NOTHING: () => "Nichts ändert sich.",
  },
  refusals: {
    CIRCLE_UNKNOWN: "es kennt seinen Kreis noch nicht",
    NO_CIRCLE: "es ist noch in keinem Kreis",
    DEVICE_LEAVING: "es verlässt gerade den Kreis",
    DEVICE_EXPELLED: "es wurde aus dem Kreis entfernt",
    DEVICE_COMPROMISED: "es wurde als kompromittiert ausgesperrt",
    DISK_FULL: "seine Platte ist bis auf die Reserve voll",
    OFFER_USED: "aller Platz, den es gibt, ist belegt",
  },
  alarm: "Das sollte sich jemand ansehen",
  unheard: (count) =>
    n(count, "Ein Mitglied muss", "# Mitglieder müssen") +
    " sich nach der Wiederherstellung noch melden. Bis dahin wird nichts Neues gespeichert.",
  pair: "Ihr seid zu zweit, da darf nichts verloren gehen: Fällt ein Gerät aus, können Dateien weg sein. Lade ein drittes Mitglied ein.",

  mayFall: "Wie viele Geräte dürfen ausfallen?",
  mayFallWords: "Schalte Mitglieder aus und sieh, was deine Dateien überstehen.",
  ringOf: (here) => `In der Mitte dieses Gerät, darum herum ${here}.`,
  ringAway: (names) => `Weg: ${names}.`,
  switchOff: (name) => `${name} ist an`,
  reset: "Alle wieder an",
  allStand: (survives) =>
    survives > 0
      ? `Alle deine Dateien überstehen den Verlust ${survives === 1 ? "eines beliebigen Geräts" : `von ${survives} beliebigen Geräten`}.`
      : "Nicht alle deine Dateien überstünden den Verlust eines Geräts.",
  bear: (fallen, left) =>
    `Ohne ${fallen === 1 ? "dieses Gerät" : `diese ${fallen} Geräte`} sind alle deine Dateien lesbar, und ` +
    `${left === 1 ? "ein beliebiges weiteres darf" : `${left} beliebige weitere dürfen`} verloren gehen.`,
  edge: (fallen) =>
    `Ohne ${fallen === 1 ? "dieses Gerät" : `diese ${fallen} Geräte`} sind alle deine Dateien lesbar, aber noch ein Verlust kann welche zerstören.`,
  beyond: (missing) =>
    `So viele auf einmal können zu viele sein: Manche Datei ist vielleicht erst wieder lesbar, wenn ${missing === 1 ? "eines dieser Geräte" : `${missing} dieser Geräte`} zurück ${missing === 1 ? "ist" : "sind"}.`,
  would: { safe: "Noch sicher", risk: "An der Grenze", act: "Zu viele" },
  atOnce: "Fallen sie nacheinander aus, mit Tagen dazwischen, wird jeder Verlust vor dem nächsten repariert.",

  members: "Mitglieder",
  admin: "Admin",
  unattested: "Nicht bezeugt",
  unattestedWords: "Kein Sicherheitschip hat bewiesen, welche Software auf diesem Gerät läuft.",
  policy: {
    off: "Dein Kreis verlangt einen solchen Beweis noch nicht.",
    preferred: "Dein Kreis zieht Mitglieder vor, die es beweisen.",
    required: "Dein Kreis gibt neue Fragmente nur an Mitglieder, die es beweisen.",
  },
  chip: {
    MEMBER_COMPROMISED: "Ausgesperrt",
    MEMBER_EXPELLED: "Entfernt",
    MEMBER_LEAVING: "Geht",
    MEMBER_DAMAGED: "Teile beschädigt",
    MEMBER_MISSED_BLOCKS: "Prüfung misslungen",
    MEMBER_SILENT: "Antwortet gerade nicht",
    MEMBER_AWAY: "Weg",
    MEMBER_AWAY_LONG: "Lange weg",
    MEMBER_ASKS_BACK: "Braucht Platz",
    MEMBER_FULL: "Voll",
    MEMBER_WELL: "Da",
    MEMBER_UNCHECKED: "Da",
  },

  figures: "Zahlen",
  awaySince: "Weg seit",
  heard: "Zuletzt gehört",
  availability: "Antwortete, in den letzten 30 Tagen",
  unknownYet: "noch nicht bekannt",
  audit: "Letzte Prüfung",
  auditBlocks: (read, failed) =>
    n(read, "# Block gelesen", "# Blöcke gelesen") +
    (failed ? `, ${n(failed, "# war falsch", "# waren falsch")}` : ", alle richtig"),
  lastFailure: "Letzter falscher Block",
  mine: "Von dir, dort",
  certain: "Für dich reserviert",
  given: "Gibt dem Kreis",
  usedThere: "Davon belegt, von allen",
  damagedThere: "Dort beschädigt",
  asksFor: "Davon soll weg",
  address: "Adresse",
  generation: "Gerät",
  generationWords: (count) => (count === 1 ? "das erste" : `das ${count}., nach einer Wiederherstellung`),
  invitedBy: "Eingeladen von",
  notice: {
    evict: (until) => `Braucht bis ${until} zurück, was du geliehen hast. Gelöscht wird nichts.`,
    full: (until) => `Die Platte ist voll: Bis ${until} wird Platz gebraucht. Gelöscht wird nichts.`,
    leaving: (until) =>
      `Es verlässt den Kreis: Bis ${until} bewahrt es deine Dateien noch auf und gibt sie zurück.`,
  },
  repairNow: "Fehlendes jetzt neu aufbauen",
  repairing: "Was fehlt, entsteht gerade neu.",
  remove: (name) => `${name} entfernen`,
  leave: "Den Kreis verlassen",
  onlyAdmins: "Nur Admins können Mitglieder einladen und entfernen.",
  roleWords:
    "Admins lassen Mitglieder herein und nehmen sie heraus: wer gegründet hat und die nächsten zwei. Jede Änderung braucht die meisten von ihnen.",

  removeTitle: (name) => `${name} entfernen?`,
  leaveTitle: "Diesen Kreis verlassen?",
  how: "Warum verlässt es den Kreis?",
  leaving: "Es geht im Guten",
  leavingShort: "Umgezogen, neues Gerät, ein Abschied.",
  expelled: "Es muss entfernt werden",
  expelledShort: "Für immer kaputt, oder ohne Vertrauen für neue Dateien.",
  compromised: "Es wurde gestohlen oder übernommen",
  compromisedShort: "Jemand anders könnte es kontrollieren.",
  consequences: {
    leaving: (name) => [
      [
        "Deine Dateien",
        `Was bei ${name} von dir liegt, zieht zu den anderen um. 90 Tage lang gibt es das noch heraus und hilft beim Heilen.`,
      ],
      [
        "Die Dateien von dort",
        `Von ${name} wird hier nichts Neues gespeichert. Was hier liegt, kann 90 Tage lang geholt werden; ein Jahr danach wird es gelöscht.`,
      ],
      ["Zurück", "Lade es bis dahin wieder ein: Alles ist da wie zuvor."],
    ],
    expelled: (name) => [
      [
        "Deine Dateien",
        `Was bei ${name} von dir liegt, zieht zu den anderen um, soweit es antwortet; der Rest entsteht aus den anderen neu.`,
      ],
      [
        "Die Dateien von dort",
        `Von ${name} wird nichts Neues angenommen. 90 Tage lang darf es holen, was hier liegt; ein Jahr nach dem Entfernen wird das gelöscht.`,
      ],
      ["Zurück", "Lade es innerhalb dieses Jahres wieder ein: Alles ist da wie zuvor."],
    ],
    compromised: (name) => [
      [
        "Deine Dateien",
        `${name} darf von diesem Augenblick an nichts mehr lesen und schreiben. Was dort von dir liegt, gilt als verloren und entsteht bei anderen neu.`,
      ],
      [
        "Die Dateien von dort",
        "Nichts davon wird hier gelöscht. Mit den 24 Wiederherstellungswörtern kommt alles auf ein anderes Gerät zurück.",
      ],
      [
        "Zurück",
        "Nicht für dieses Gerät: Es bleibt für immer draußen. Auf einem anderen ist willkommen, wem es gehörte.",
      ],
    ],
  },
  leaveConsequences: [
    [
      "Deine Dateien",
      "Von dir wird nichts Neues gespeichert. 90 Tage lang kannst du holen, was bei den anderen liegt; ein Jahr danach wird es gelöscht. Kopiere vorher an einen anderen Ort, was du brauchst.",
    ],
    [
      "Die Dateien der anderen",
      "Dieses Gerät gibt noch 90 Tage lang zurück, was es aufbewahrt. Lass es so lange an.",
    ],
    ["Zurück", "Lass dich bis dahin wieder einladen: Alles ist da wie zuvor."],
  ],
  nowSurvives: "Im Augenblick gilt:",
  admins: (count) =>
    count > 1
      ? `Das gilt, sobald die meisten der ${count} Admins zugestimmt haben; deine Stimme ist die erste.`
      : "Es gilt sofort.",
  leaveAdmins: "Es gilt, sobald die meisten der Admins zugestimmt haben.",
  removed: (name) => `${name} ist nicht mehr im Kreis.`,
  proposed: (count) =>
    n(
      count,
      "Vorgeschlagen. Ein weiterer Admin muss zustimmen.",
      "Vorgeschlagen. # weitere Admins müssen zustimmen.",
    ),
  leftSoon: "Vorgeschlagen. Die Admins müssen zustimmen.",

  proposals: "Wartet auf die Admins",
  proposalsWords:
    "Änderungen am Kreis gelten, sobald die meisten Admins zugestimmt haben, jeder auf dem eigenen Gerät.",
  wanted: (count) => n(count, "Eine Unterschrift fehlt noch", "# Unterschriften fehlen noch"),
  consentMeans:
    "Deine Zustimmung nimmt dieses Mitglied heraus. Was das mit den Dateien macht, steht dort, wo man Mitglieder entfernt; sprich vorher mit den anderen Admins.",
  bySelf: "Dem stimmt dein Gerät von selbst zu, sobald es entsperrt ist.",
  approve: "Zustimmen",
  approved: "Du hast zugestimmt.",

  invitations: "Einladungen",
  invitationsNone: "Noch keine Einladungen. Eine Einladung lässt einen Menschen herein, einmal.",
  invitationsWords: "Jede lässt einen Menschen herein, einmal, innerhalb eines Tages.",
  unnamed: "Ohne Notiz",
  state: {
    open: "Offen",
    accepted: "Angenommen, wartet auf die Admins",
    used: "Benutzt",
    expired: "Abgelaufen",
    revoked: "Zurückgezogen",
  },
  expires: "Endet in",
  cameIn: (name) => `${name} ist damit beigetreten`,
  revoke: "Zurückziehen",
  revoked: "Die Einladung lässt niemanden mehr herein.",
  older: (count) => n(count, "# ältere zeigen", "# ältere zeigen"),

  inviteTitle: "Jemanden einladen",
  inviteWords:
    "Lade Menschen ein, denen du eine versiegelte Kiste anvertrauen würdest: Sie bewahren Teile deiner Dateien auf und können sie nicht lesen. Du bewahrst ihre auf.",
  note: "Für wen ist sie?",
  noteHelp: "Nur du siehst das, in der Liste der Einladungen. Es darf leer bleiben.",
  lifetime: "Wie lange sie gilt",
  hours: (count) => n(count, "# Stunde", "# Stunden"),
  make: "Einladung ausstellen",
  made: "Die Einladung ist fertig",
  madeWords:
    "Sie wird nur jetzt gezeigt. Schick sie einem einzigen Menschen, auf einem Weg, den sonst niemand mitliest.",
  toSend: "Text zum Verschicken",
  letter: (link, until) =>
    [
      "Komm in meinen Piccolo-Kreis: Wir bewahren einander die Dateien auf, verschlüsselt.",
      "1. Schließ dein Piccolo an Strom und dein Netz zu Hause an.",
      "2. Öffne auf einem Computer oder Telefon im selben Netz https://piccolo.local und richte das Gerät ein. Geht das nicht auf, nimm die Adresse, die dein Router dafür zeigt.",
      "3. Wähle „Mit einer Einladung beitreten“ und füge diese ganze Nachricht ein.",
      `Sie gilt einmal, bis ${until}:`,
      link,
    ].join("\n"),
  whyLetter:
    "Ein Link allein würde nichts öffnen: Unter welcher Adresse das andere Gerät erreichbar sein wird, weiß noch niemand. Darum sagt der Text, wohin es geht.",
  share: "Teilen",
  together: "Seid ihr im selben Raum?",
  togetherWords:
    "Wo das andere Gerät nach der Einladung fragt, lies dies dort mit der Kamera ein oder tippe den Code.",
  code: "Code",
  qr: "QR-Code der Einladung",
  over: "Diese Einladung ist abgelaufen. Stelle eine neue aus.",
  waiting: "Wartet darauf, dass jemand beitritt.",
  accepted: "Jemand hat sie angenommen; die Geräte der Admins lassen gerade herein.",
  joined: (name) => `${name} ist im Kreis.`,

  keeping: "Was dieses Gerät für andere aufbewahrt",
  keepingWords: "Verschlüsselte Teile der Dateien anderer. Lesen kann sie hier niemand.",
  keptForOthers: "Für andere aufbewahrt",
  stillFree: "Noch frei für andere",
  offer: (size) => `Du gibst dem Kreis ${size}.`,
  diskFree: (size) => `Auf der Platte sind ${size} frei.`,
  diskShort: "Das ist weniger, als du zugesagt hast: Die Platte ist eher voll als der Platz vergeben.",
  refusing: "Nimmt nichts Neues an",
  damagedHere: (count) =>
    n(count, "# Teil ist hier beschädigt", "# Teile sind hier beschädigt") +
    "; wem sie gehören, dessen Gerät legt sie neu ab. Geschieht das wieder, tausche die Platte.",
  nobodyYet: "Noch hat niemand etwas hier.",
  former: "Ein früheres Mitglied",
  scrub: "Prüfung der Platte",
  scrubWords:
    "Alle zwei Wochen liest dein Gerät alles, was es aufbewahrt, um zu finden, was seine Platte verloren hat.",
  scrubLast: (when, damaged) =>
    `Zuletzt: ${when}. ` +
    (damaged ? n(damaged, "# Teil war beschädigt.", "# Teile waren beschädigt.") : "Alles war in Ordnung."),
  scrubNever: "Noch nicht geschehen.",
  scrubNow: "Platte jetzt prüfen",
  scrubStarted: "Alles wird gelesen.",

  contacts: "Kontakte zum Ausdrucken",
  contactsWords:
    "Mit diesen Zeilen und deinen 24 Wörtern kommen deine Dateien zurück, selbst wenn die Cloud weg ist. Drucke sie aus, bewahre sie bei den Wörtern auf, und drucke sie neu, wenn Mitglieder kommen, gehen oder ein anderes Gerät bekommen.",
  contactsNone: "Noch hat kein anderes Mitglied eine Adresse genannt. Komm wieder, wenn eines da ist.",
  contactsOpen: "Kontakte zeigen und drucken",
  withoutCloud: "Ohne die Cloud",
  withoutCloudWords:
    "Ein Blatt mit den Adressen deines Kreises, das zu den Wörtern gehört: Mit beiden kommen deine Dateien zurück, selbst wenn die Cloud weg ist.",
  contactsText: "Als Text",
  print: "Drucken",
  contactsCircle: "Der Kreis",
  contactsDate: (when) => `Stand ${when}`,
};
