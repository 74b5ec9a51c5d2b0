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
    "Ein Teil dieser Seite hat nicht funktioniert. Von dem, was gespeichert ist, geht dadurch nichts verloren; nur was hier getippt und noch nicht gespeichert war, kann weg sein. Lade die Seite neu. Geschieht es wieder, gib die Nummer unten an, wenn dir jemand hilft.",
  wrongTold: "Für alle, die dir helfen",
  reload: "Neu laden",
};
