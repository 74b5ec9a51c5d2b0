import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);
const calm = (what: string) => ({ what, next: "" });
const room = "Lade ein weiteres Mitglied ein, oder bitte eines um mehr Platz.";
const cloud =
  "Sieh nach, ob dieses Gerät ins Internet kommt. Was gespeichert ist, ist solange bei deinem Kreis sicher.";

export const attention: Messages["attention"] = {
  FILES_UNREADABLE: ({ count }) => ({
    what: n(
      count,
      "Mindestens # Datei ist gerade nicht lesbar.",
      "Mindestens # Dateien sind gerade nicht lesbar.",
    ),
    next: "Bring Mitglieder zurück, die weg sind: dann lassen sie sich wieder lesen.",
  }),
  FILES_AT_RISK: ({ count }) => ({
    what:
      n(count, "Mindestens # Datei überstünde", "Mindestens # Dateien überstünden") +
      " den Verlust eines weiteren Geräts nicht.",
    next: "Bring Mitglieder zurück, die weg sind, oder lade ein weiteres ein.",
  }),
  BACKUP_FENCED: () => ({
    what: "Ein neueres Gerät von dir hat übernommen; dieses hier schreibt keine Sicherung mehr.",
    next: "Benutze das neuere Gerät.",
  }),
  BACKUP_STUCK: () => ({ what: "Die Sicherung kommt nicht voran.", next: cloud }),
  BACKUP_LATE: ({ count }) => ({
    what:
      "Die letzte Sicherung ist älter als ein Tag, und " +
      n(count, "# Änderung wartet", "# Änderungen warten") +
      " darauf.",
    next: cloud,
  }),
  DISK_LOW: () => ({
    what: "Die Platte dieses Geräts ist fast voll.",
    next: "Entferne, was nicht darauf liegen muss: Ist nichts mehr frei, kann es sich nichts Neues merken.",
  }),
  DISK_DAMAGED: ({ count }) => ({
    what: `Die Platte dieses Geräts hat ${n(count, "# Fragment", "# Fragmente")} beschädigt, die es für andere aufbewahrt; deren Besitzer legen sie hier neu ab.`,
    next: "Sieh nach dem Zustand der Platte, und tausche sie, wenn das wieder vorkommt.",
  }),
  DISK_REFUSING: () => ({
    what: "Dieses Gerät nimmt von anderen gerade nichts Neues an.",
    next: "Gib mehr Platz, oder lass es so: Dann bewahren andere auf.",
  }),
  MEMBER_WELL: ({ member }) => calm(`${member} antwortet und hatte alles, was zur Prüfung gelesen wurde.`),
  MEMBER_UNCHECKED: ({ member }) => calm(`${member} antwortet; geprüft wurde noch nichts.`),
  MEMBER_FULL: ({ member }) =>
    calm(`${member} hat keinen Platz für weitere Dateien von dir; was dort liegt, ist sicher.`),
  MEMBER_SILENT: ({ member }) => calm(`${member} antwortet im Moment nicht.`),
  MEMBER_AWAY: ({ member, since }, say) => ({
    what: `${member} ist seit ${say.time(since)} weg. Nach einer Woche wird, was dort liegt, bei anderen neu aufgebaut.`,
    next: `Frag, wem ${member} gehört, ob das Gerät an und verbunden ist.`,
  }),
  MEMBER_AWAY_LONG: ({ member, since }, say) => ({
    what: `${member} ist seit ${say.time(since)} weg; was dort liegt, wird bei anderen neu aufgebaut, soweit sie Platz haben.`,
    next: `Frag, wem ${member} gehört, ob das Gerät wiederkommt; wenn nicht, schlag vor, es zu entfernen.`,
  }),
  MEMBER_ASKS_BACK: ({ member, bytes, until, stuck }, say) => {
    const what = `${member} braucht bis ${say.time(until)} ${say.bytes(bytes)} zurück`;
    return stuck
      ? { what: `${what}, und niemand sonst hat Platz dafür.`, next: room }
      : calm(`${what}; das wird gerade verschoben.`);
  },
  MEMBER_MISSED_BLOCKS: ({ member, count }) => ({
    what: `${member} hatte ${n(count, "# Block", "# Blöcke")} nicht, die zur Prüfung gelesen wurden; was falsch war, ist repariert.`,
    next: `Sag, wem ${member} gehört, dass die Festplatte vielleicht kaputtgeht.`,
  }),
  MEMBER_DAMAGED: ({ member, count }) => ({
    what: `${member} fand ${n(count, "# Fragment", "# Fragmente")} von dir auf der eigenen Festplatte beschädigt; sie werden dort neu angelegt.`,
    next: `Sag, wem ${member} gehört, dass die Festplatte vielleicht kaputtgeht.`,
  }),
  MEMBER_LEAVING: ({ member, stuck }) =>
    stuck
      ? {
          what: `${member} verlässt den Kreis, und niemand sonst hat Platz für das, was dort von dir liegt.`,
          next: room,
        }
      : calm(`${member} verlässt den Kreis; was dort von dir liegt, zieht zu anderen um.`),
  MEMBER_EXPELLED: ({ member, stuck }) =>
    stuck
      ? {
          what: `${member} wurde entfernt, und niemand sonst hat Platz für das, was dort von dir liegt.`,
          next: room,
        }
      : calm(`${member} wurde entfernt; was dort von dir liegt, zieht zu anderen um.`),
  MEMBER_COMPROMISED: ({ member }) => ({
    what: `${member} wurde als kompromittiert abgeschnitten; was dort lag, wird bei anderen neu aufgebaut.`,
    next: `Hilf, wem ${member} gehört, mit den 24 Wörtern ein anderes Gerät einzurichten.`,
  }),
};
