import { expect, test } from "vitest";

import { commandsOf, formOf, SYSTEMS, systemOf } from "../src/core/systems";
import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";

const MAC =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15";

test.each([
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36", 10, "windows"],
  ["Mozilla/5.0 (Windows NT 10.0; rv:133.0) Gecko/20100101 Firefox/133.0", 0, "windows"],
  [MAC, 0, "macos"],
  [MAC, 5, "ios"],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1", 5, "ios"],
  ["Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36", 5, "android"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", 0, "firefox"],
  ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36", 0, "linux"],
  ["", 0, "linux"],
])("the steps for a browser's own system come first: %s, %s fingers", (agent, fingers, system) => {
  expect(systemOf(agent, fingers)).toBe(system);
});

test.each(SYSTEMS)("the steps for %s name the file that is handed over", (system) => {
  const file = `piccolo.${formOf(system)}`;
  for (const { trust } of [en, de]) {
    const said = [...trust.steps[system], commandsOf(system) ?? ""].join("\n");
    if (formOf(system) === "mobileconfig") expect(said).toContain("Piccolo at home");
    else expect(said).toContain(file);
    expect(said.match(/piccolo\.(crt|pem|mobileconfig)/g) ?? []).not.toContain(
      file.endsWith("crt") ? "piccolo.pem" : "piccolo.mobileconfig",
    );
  }
});

test("every language has as many steps for each system", () => {
  for (const system of SYSTEMS) expect(de.trust.steps[system].length).toBe(en.trust.steps[system].length);
});
