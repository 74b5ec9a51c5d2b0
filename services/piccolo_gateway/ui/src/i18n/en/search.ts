import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const search = {
  title: "Search",
  label: "A part of a name",
  go: "Search",
  words: "Type a part of a name. Capital letters do not matter.",
  none: (text: string) => `No name holds “${text}”.`,
  found: (count: number) => n(count, "# name found", "# names found"),
  foundMore: (count: number) => `The first ${count} names, in the order of their folders`,
  more: "Show more",
  searching: "Searching",
};
