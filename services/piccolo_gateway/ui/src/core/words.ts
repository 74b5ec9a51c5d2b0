/** Recovery words as people type them: 24 words of the English BIP-39 list. */

export const COUNT = 24;

/** The words of a text: numbers, commas and line breaks of a note do not matter, nor do capital letters. */
export function split(text: string): string[] {
  return (
    text
      .normalize("NFKD")
      .toLowerCase()
      .match(/[a-z]+/g) ?? []
  );
}

/** The fields after a text was put into one of them: one word stays there, several go on to the next ones. */
export function spread(fields: readonly string[], at: number, text: string): string[] {
  const words = split(text);
  const from = words.length >= COUNT ? 0 : at;
  const next = [...fields];
  words.slice(0, COUNT - from).forEach((word, index) => (next[from + index] = word));
  if (!words.length) next[at] = "";
  return next;
}

/** What can be said of a field: nothing yet, a word, the beginning of one, or none. */
export type Sort = "empty" | "known" | "begun" | "unknown";

export function sortOf(text: string, list: readonly string[]): Sort {
  const word = split(text)[0];
  if (word === undefined) return text.trim() ? "unknown" : "empty";
  if (list.includes(word)) return "known";
  return list.some((one) => one.startsWith(word)) ? "begun" : "unknown";
}

const MOST = 6;

/** The words of the list that begin so; none for a beginning that says too little. */
export function completions(text: string, list: readonly string[]): string[] {
  const word = split(text)[0] ?? "";
  return word.length < 2 ? [] : list.filter((one) => one.startsWith(word)).slice(0, MOST);
}
