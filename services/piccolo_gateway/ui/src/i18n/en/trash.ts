import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const trash = {
  title: "Trash",
  words:
    "What you delete lies here until the day that is shown, and survives as before. Then it is gone for good.",
  empty: "The trash is empty",
  emptyWords: "What you delete comes here first, and can be taken back for some weeks.",
  from: "from",
  removed: "Deleted",
  until: (day: string) => `kept until ${day}`,
  holds: (count: number) => n(count, "# file", "# files"),
  restore: "Restore",
  restored: (name: string) => `${name} is back in its place.`,
  restoredAs: (name: string) => `Its name was taken; it is back as ${name}.`,
  purge: "Delete for good",
  purgeTitle: "Delete for good?",
  purgeGone: (name: string, files: number) =>
    `Gone will be: ${name}, ` + n(files, "# file", "# files") + ", with all older versions.",
  back: "Back to Files",
  list: "What lies in the trash",
};
