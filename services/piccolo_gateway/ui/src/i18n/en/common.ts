import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const common = {
  again: "Try again",
  back: "Back",
  cancel: "Cancel",
  close: "Close",
  copied: "Copied",
  copy: "Copy",
  devices: (count: number) => n(count, "# device", "# devices"),
  done: "Done",
  files: (count: number) => n(count, "# file", "# files"),
  fragments: (count: number) => n(count, "# fragment", "# fragments"),
  incident: (number: string) => `Incident ${number}`,
  loading: "One moment",
  members: (count: number) => n(count, "# member", "# members"),
  more: "More",
  name: "Name",
  never: "never",
  next: "Next",
  none: "None",
  remove: "Remove",
  rename: "Rename",
  save: "Save",
  thisDevice: "This device",
  typeToConfirm: (word: string) => `Type “${word}” to confirm`,
  undo: "Undo",
};
