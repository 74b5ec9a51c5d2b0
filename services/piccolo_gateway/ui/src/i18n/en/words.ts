import { plural } from "../plural";

export const words = {
  word: "Word",
  all: "Your 24 recovery words",
  known: (count: number) => plural("en", count, "# of 24 words", "# of 24 words"),
  unknown: "Not in the list",
  other: "Another word",
  checksum:
    "Each word is in the list, but together they do not add up: one was mistaken for another, or two changed places. Compare each with your note.",
  sheet: "Piccolo recovery words",
  secret:
    "Whoever has these words has all your files. Keep this sheet where you keep what is most dear, and show it to nobody. On a blank device these words bring everything back.",
  contacts: "Your circle’s contacts",
  print: "Print",
  save: "Save as text",
  file: "piccolo recovery words",
};
