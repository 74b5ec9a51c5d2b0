import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("de", count, one, other);

export const common = {
  again: "Noch einmal",
  back: "Zurück",
  cancel: "Abbrechen",
  close: "Schließen",
  copied: "Kopiert",
  copy: "Kopieren",
  devices: (count: number) => n(count, "# Gerät", "# Geräte"),
  done: "Fertig",
  files: (count: number) => n(count, "# Datei", "# Dateien"),
  fragments: (count: number) => n(count, "# Fragment", "# Fragmente"),
  incident: (number: string) => `Vorfall ${number}`,
  loading: "Einen Moment",
  members: (count: number) => n(count, "# Mitglied", "# Mitglieder"),
  more: "Mehr",
  name: "Name",
  never: "nie",
  next: "Weiter",
  none: "Keine",
  remove: "Entfernen",
  rename: "Umbenennen",
  save: "Speichern",
  thisDevice: "Dieses Gerät",
  typeToConfirm: (word: string) => `Zum Bestätigen „${word}“ eintippen`,
  undo: "Rückgängig",
};
