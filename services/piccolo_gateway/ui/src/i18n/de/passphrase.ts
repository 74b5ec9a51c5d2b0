import type { Messages } from "../i18n.svelte";

const who = "Wer die Festplatte dieses Geräts hat, bräuchte";

export const passphrase: Messages["passphrase"] = {
  label: "Deine Passphrase",
  again: "Noch einmal",
  differs: "Das ist nicht dasselbe.",
  advice:
    "Vier oder fünf Wörter, die nichts miteinander zu tun haben, sind leicht zu merken und schwer zu erraten.",
  scores: ["", "", "Mäßig.", "Gut.", "Sehr gut."],
  holds: {
    moment: () => "Wer die Festplatte dieses Geräts hat, erriete sie in Augenblicken.",
    minute: (n) => `${who} etwa ${n} Min., um sie zu erraten.`,
    hour: (n) => `${who} etwa ${n} Std., um sie zu erraten.`,
    day: (n) => `${who} etwa ${n} ${n === 1 ? "Tag" : "Tage"}, um sie zu erraten.`,
    month: (n) => `${who} etwa ${n} ${n === 1 ? "Monat" : "Monate"}, um sie zu erraten.`,
    year: (n) => `${who} etwa ${n} ${n === 1 ? "Jahr" : "Jahre"}, um sie zu erraten.`,
    century: (n) => `${who} ${n === 1 ? "etwa ein Jahrhundert" : "Jahrhunderte"}, um sie zu erraten.`,
    ages: () => `${who} länger, als es Menschen gibt, um sie zu erraten.`,
  },
  faults: {
    "": "",
    short: "Eine Passphrase hat mindestens 8 Zeichen.",
    characters:
      "Darin steckt ein Zeilenumbruch oder ein anderes Zeichen, das du nicht wieder tippen könntest. Lass es weg.",
    common:
      "Diese steht auf Listen gestohlener und häufiger Passphrasen und würde deshalb sofort ausprobiert.",
    trivial: "Diese folgt einem Muster, das sofort ausprobiert würde.",
  },
};
