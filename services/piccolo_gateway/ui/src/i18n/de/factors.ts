import type { Messages } from "../i18n.svelte";
import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const factors: Messages["factors"] = {
  title: "Zweite Faktoren",
  words:
    "Neben der Passphrase verlangt eine Anmeldung dann etwas, das du hast. Deine 24 Wörter gelten immer auch: Wer sie hat, könnte alles auf einem anderen Gerät zurückholen.",
  none: "Es gibt keinen: Die Passphrase allein lässt dich hinein.",
  kind: { totp: "App mit Codes", passkey: "Passkey", unreadable: "Nicht lesbar" },
  created: (when) => `Hinzugefügt ${when}`,
  used: (when) => `zuletzt genutzt ${when}`,
  unused: "noch nie genutzt",
  host: (host) => `Gilt nur unter ${host}.`,
  unreadable:
    "Was von ihm aufbewahrt ist, lässt sich nicht lesen; er öffnet also nichts. Entferne ihn und füge ihn neu hinzu.",
  addTotp: "App hinzufügen",
  addPasskey: "Passkey hinzufügen",
  noPasskeys:
    "Ein Passkey gehört zu einem Namen, und diese Seite ist unter einer Adresse ohne Namen offen. Öffne das Gerät unter seinem Namen, etwa piccolo.local, um einen Passkey hinzuzufügen.",
  noSupport: "Dieser Browser kennt keine Passkeys.",
  name: "Name",
  nameTotp: "mein Telefon",
  namePasskey: "mein Laptop",
  nameHelp: "Daran erkennst du ihn später.",
  begin: "Weiter",
  scan: "Scanne das mit der App auf deinem Telefon, oder tippe das Geheimnis dort ein.",
  qr: "Das Geheimnis der App als QR-Code",
  secret: "Das Geheimnis",
  code: "Der Code, den die App jetzt zeigt",
  codeHelp: "Sechs Ziffern, jede halbe Minute neue. Damit zeigt die App, dass sie funktioniert.",
  confirm: "Hinzufügen",
  addedOne: (name) => `„${name}“ ist hinzugefügt. Andere Sitzungen sind beendet.`,
  passkeyWords:
    "Dein Browser fragt gleich, wo der Passkey liegen soll: auf diesem Gerät, auf deinem Telefon oder auf einem Schlüssel.",
  makePasskey: "Passkey anlegen",
  passkeyRefused:
    "Der Browser hat keinen Passkey angelegt: Es wurde abgelehnt, dauerte zu lange, oder es gibt ihn schon. Geändert hat sich nichts.",
  rename: (name) => `„${name}“ umbenennen`,
  renamed: "Er hat seinen neuen Namen.",
  remove: (name) => `„${name}“ entfernen`,
  removeTitle: (name) => `„${name}“ entfernen?`,
  removeGone: (name) => `„${name}“ lässt von jetzt an niemanden mehr hinein.`,
  removeStays:
    "Deine anderen Faktoren und deine 24 Wörter gelten weiter. Du kannst ihn jederzeit wieder hinzufügen.",
  removeLast:
    "Er ist der letzte: Mit ihm gehen die Wiederherstellungscodes, und von da an lässt dich die Passphrase allein hinein.",
  removed: (name) => `„${name}“ ist entfernt.`,
  codes: "Wiederherstellungscodes",
  codesLeft: (count, made) => n(count, "# Code ist übrig", "# Codes sind übrig") + `, angelegt ${made}.`,
  codesNone: "Es gibt keine. Geht dein Faktor verloren, lassen dich nur deine 24 Wörter hinein.",
  codesMake: "Wiederherstellungscodes anlegen",
  codesAnew: "Neue anlegen",
  codesAnewTitle: "Neue Wiederherstellungscodes anlegen?",
  codesAnewWords: "Zehn neue Codes werden gezeigt. Die du vorher notiert hast, gelten dann nicht mehr.",
  codesShown: "Deine Wiederherstellungscodes",
  codesShownWords:
    "Jeder ersetzt einmal einen Faktor, der verloren ist. Sie werden jetzt gezeigt und nie wieder: Drucke sie aus oder schreibe sie auf, und bewahre sie nicht bei diesem Gerät auf.",
  codesSheet: "Piccolo-Wiederherstellungscodes",
  codesNoted: "Ich habe sie notiert",
  print: "Drucken",
};
