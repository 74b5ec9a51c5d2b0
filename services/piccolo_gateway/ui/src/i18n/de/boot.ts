import type { boot as english } from "../en/boot";

export const boot: typeof english = {
  title: "Dieses Gerät konnte seine Daten nicht öffnen",
  kept: "Was jetzt gespeichert wird, liegt nur im Arbeitsspeicher und ist weg, sobald der Strom weg ist.",
  reasons: {
    NO_TPM: "Es hat kein TPM, oder das TPM antwortet nicht; nur ein TPM öffnet die Daten von selbst.",
    NO_DATA: "Es hat auf seinem Datenträger keinen Platz für Daten gefunden.",
    TPM_REFUSED:
      "Das TPM hat sie nicht geöffnet: Es ist ein anderes, es wurde gelöscht, oder die Schlüssel der Firmware sind nicht mehr dieselben.",
    SECURE_BOOT_OFF: "Secure Boot ist ausgeschaltet, deshalb hat das TPM sie nicht geöffnet.",
    DATA_DAMAGED: "Das Dateisystem seiner Daten ist beschädigt.",
  },
  next: {
    NO_TPM:
      "Schalte das TPM in den Einstellungen der Firmware ein oder setze das alte wieder ein, und starte das Gerät neu.",
    NO_DATA: "Sieh nach, ob der Datenträger in Ordnung ist und Platz hat, und starte das Gerät neu.",
    TPM_REFUSED:
      "Wenn am TPM oder an den Einstellungen der Firmware etwas geändert wurde, mach es rückgängig und starte das Gerät neu.",
    SECURE_BOOT_OFF: "Schalte Secure Boot in den Einstellungen der Firmware ein und starte das Gerät neu.",
    DATA_DAMAGED:
      "Richte es noch nicht neu ein: Wer sich mit Dateisystemen auskennt, kann sie vielleicht reparieren.",
  },
  ram: {
    title: "Dieses Gerät behält nichts, wenn der Strom weg ist",
    kept: "Es läuft aus dem Arbeitsspeicher und hat keinen Datenträger für Daten. Was hier eingerichtet oder aufbewahrt wird, ist weg, sobald es ausgeschaltet oder neu gestartet wird: sein Besitzer und was es für andere aufbewahrt. Was auf anderen Geräten des Kreises liegt, bleibt dort.",
    next: "Damit etwas bleibt, schließ einen Datenträger mit einer Partition namens piccolo-data an und starte das Gerät neu. Was jetzt eingerichtet ist, zieht nicht dorthin um.",
  },
  freshWords: "Nur zum Ausprobieren: Es finge leer an und vergäße alles, sobald der Strom weg ist.",
  maybe:
    "Auf dem Datenträger dieses Geräts liegen Daten, die es nicht öffnen konnte. Es neu einzurichten rührt sie nicht an und bringt sie nicht zurück.",
  open: "Die Daten mit den 24 Wörtern öffnen",
  orWords:
    "Oder öffne sie jetzt mit deinen 24 Wiederherstellungswörtern; von da an nimmt das Gerät dafür das TPM, das es hat.",
  openWords:
    "Die Wörter bleiben in diesem Browser und diesem Gerät. Bevor es etwas ändert, prüft das Gerät, ob sie stimmen; dann startet es seine Dienste neu auf den Daten, und was inzwischen im Arbeitsspeicher eingerichtet wurde, ist weg.",
  openDone: "Öffnen",
  opening:
    "Die Wörter stimmen. Das Gerät startet seine Dienste auf den Daten; diese Seite kommt von selbst wieder. Vielleicht fragt dein Browser noch einmal nach dem Zertifikat: Das Gerät zeigt das, das es vorher hatte.",
};
