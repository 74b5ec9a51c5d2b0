import type { Unit } from "../../core/guessing";

export const passphrase = {
  label: "Your passphrase",
  again: "Once more",
  differs: "That is not the same.",
  advice: "Four or five words that have nothing to do with each other are easy to keep and hard to guess.",
  scores: ["", "", "Fair.", "Good.", "Very good."],
  holds: {
    moment: () => "Somebody with this device’s disk would guess it within moments.",
    minute: (n: number) => `Somebody with this device’s disk would need about ${n} min to guess it.`,
    hour: (n: number) => `Somebody with this device’s disk would need about ${n} h to guess it.`,
    day: (n: number) =>
      `Somebody with this device’s disk would need about ${n} ${n === 1 ? "day" : "days"} to guess it.`,
    month: (n: number) =>
      `Somebody with this device’s disk would need about ${n} ${n === 1 ? "month" : "months"} to guess it.`,
    year: (n: number) =>
      `Somebody with this device’s disk would need about ${n} ${n === 1 ? "year" : "years"} to guess it.`,
    century: (n: number) =>
      `Somebody with this device’s disk would need ${n === 1 ? "about a century" : "centuries"} to guess it.`,
    ages: () => "Somebody with this device’s disk would need longer than there have been people to guess it.",
  } satisfies Record<Unit, (count: number) => string>,
  faults: {
    "": "",
    short: "A passphrase has at least 8 characters.",
    characters: "It holds a line break or another sign that you could not type again. Leave that out.",
    common: "This one is on lists of stolen and common passphrases, so it would be tried at once.",
    trivial: "This one follows a pattern that guessers try at once.",
  },
};
