export const shell = {
  apps: "Apps",
  circle: "Kreis",
  files: "Dateien",
  home: "Start",
  lost: "Das Gerät antwortet nicht. Neuer Versuch läuft.",
  main: "Hauptbereiche",
  settings: "Einstellungen",
  skip: "Zum Inhalt springen",
  missing: "Hier ist nichts",
  missingWords:
    "Vielleicht ist die Adresse falsch getippt, oder was hier war, liegt jetzt anderswo. Verloren ist dadurch nichts.",
  toHome: "Zum Start",
  offline: "Das Gerät antwortet nicht",
  offlineWords:
    "Vielleicht startet es gerade, oder dieser Rechner ist in einem anderen Netz. Deine Dateien sind solange bei deinem Kreis sicher. Sobald es antwortet, geht es hier von selbst weiter.",
  wrong: "Etwas ist schiefgegangen",
  wrongWords:
    "Von dem, was gespeichert ist, geht dadurch nichts verloren. Lade die Seite neu; geschieht es wieder, hilft das hier bei der Suche:",
  reload: "Neu laden",
};
