import type { Messages } from "../i18n.svelte";

export const trust: Messages["trust"] = {
  what: "Dein Gerät weist sich mit einem Zertifikat aus, das es selbst gemacht hat. Browser warnen davor, bis du ihnen sagst, dass es deines ist: einmal auf jedem Computer und Telefon.",
  limits:
    "Das Zertifikat kann nur für Namen und Adressen in deinem Netz zu Hause bürgen: nie für deine Bank, nie für deine Mail.",
  elsewhere:
    "Dieses Gerät benutzt ein Zertifikat, das anderswo gemacht wurde. Wer es eingerichtet hat, bestimmt, wer ihm vertraut; von hier gibt es nichts zu installieren.",
  fingerprint: "Sein Fingerabdruck (SHA-256)",
  compare:
    "Vergleiche ihn vor dem Installieren mit dem Fingerabdruck der Datei, die du heruntergeladen hast. Sieh ihn am besten auf einem Computer nach, der dem Gerät schon vertraut: Kam diese Seite durch fremde Hände, dann auch diese Zahl. Unterscheiden sie sich, installiere nichts.",
  install: "Installieren",
  system: "Auf diesem System",
  profile: "Profil holen",
  certificate: (form) => `piccolo.${form} herunterladen`,
  steps: {
    windows: [
      "Vergleiche den Fingerabdruck: Die Zeile unten zeigt den der Datei.",
      "Öffne piccolo.crt und wähle „Zertifikat installieren“, dann „Aktueller Benutzer“.",
      "Wähle „Alle Zertifikate in folgendem Speicher speichern“ und dort „Vertrauenswürdige Stammzertifizierungsstellen“.",
      "Starte den Browser neu.",
    ],
    macos: [
      "Öffne das heruntergeladene Profil.",
      "Öffne Systemeinstellungen, Allgemein, Geräteverwaltung und installiere „Piccolo at home“.",
      "Starte den Browser neu.",
    ],
    ios: [
      "Öffne diese Seite in Safari, hol das Profil und erlaube es.",
      "Öffne Einstellungen, Allgemein, VPN und Geräteverwaltung und installiere „Piccolo at home“.",
      "Öffne Einstellungen, Allgemein, Info, Zertifikatsvertrauenseinstellungen und schalte „Piccolo at home“ ein.",
    ],
    android: [
      "Öffne Einstellungen, Sicherheit und Datenschutz, Mehr, Verschlüsselung und Anmeldedaten, Zertifikat installieren, CA-Zertifikat.",
      "Android warnt vor solchen Zertifikaten; geh weiter und wähle piccolo.crt.",
      "Browser vertrauen dem Gerät jetzt. Andere Apps entscheiden selbst.",
    ],
    linux: [
      "Vergleiche den Fingerabdruck, dann führe im Ordner mit dem Download die Zeile für dein System aus.",
      "In Chrome: Öffne Einstellungen, Datenschutz und Sicherheit, Sicherheit, Zertifikate verwalten, Benutzerdefiniert, Von dir installiert und importiere die Datei.",
      "Firefox hat eine eigene Liste: siehe dort.",
    ],
    firefox: [
      "Öffne Einstellungen, Datenschutz & Sicherheit, Zertifikate, Zertifikate anzeigen, Zertifizierungsstellen, Importieren und wähle piccolo.crt.",
      "„Ansehen“ zeigt den Fingerabdruck. Setze den Haken bei „Dieser CA vertrauen, um Websites zu identifizieren“.",
      "Unter Windows und macOS ist das nicht nötig: Firefox vertraut, wem das System vertraut.",
    ],
  },
  commands: "Im Terminal",
  undo: "Zum Zurücknehmen entferne „Piccolo at home“ an derselben Stelle. Tu das überall, falls dieses Gerät je gestohlen wird.",
  programs: "Für Skripte",
  programsWords:
    "Programme nehmen dasselbe Zertifikat als Datei. Den Fingerabdruck nennt auch die API: „root“ in GET /api/v1/network.",
  example: "Zum Beispiel mit curl",
};
