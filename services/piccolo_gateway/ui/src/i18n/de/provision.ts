import type { provision as english } from "../en/provision";

export const provision: typeof english = {
  title: "Konfiguration",
  states: {
    empty: "Es gibt keinen Startdatenträger: Das Gerät ist, wie du es eingerichtet hast.",
    current: "Das Gerät läuft nach seiner Konfiguration.",
    kept: "Das Gerät läuft nach einer früheren Kopie seiner Konfiguration.",
    refused: "Das Gerät ist ohne Konfiguration gestartet.",
  },
  which: (node, serial, until) => `${node}, Nummer ${serial}, gültig bis ${until}`,
  reasons: {
    SEED_UNREADABLE: "Der Startdatenträger lässt sich nicht lesen; er muss neu gemacht werden.",
    SEED_INCOMPLETE:
      "Dem Startdatenträger fehlt der Name des Knotens, dessen Schlüssel oder der öffentliche Schlüssel des Unterzeichners; er muss neu gemacht werden.",
    SEED_IGNITION:
      "Die Ignition-Daten sind beschädigt oder verlangen mehr, als ein Startdatenträger kann; sie müssen neu gemacht werden.",
    SEED_NAME:
      "Den Namen auf dem Startdatenträger kann kein Gerät haben; der Datenträger muss neu gemacht werden.",
    SEED_KEY: "Der geheime Schlüssel auf dem Startdatenträger ist beschädigt; er muss neu gemacht werden.",
    SEED_SIGNER:
      "Der öffentliche Schlüssel des Unterzeichners auf dem Startdatenträger ist beschädigt; er muss neu gemacht werden.",
    SEED_SITE: "Die Adresse auf dem Startdatenträger ist keine; er muss neu gemacht werden.",
    SEED_FOREIGN:
      "Der Startdatenträger stammt von einem anderen Unterzeichner als dem, zu dem dieses Gerät gehört, oder das Gerät hatte schon einen Eigentümer. Nimm den richtigen, oder setze das Gerät vorher zurück.",
    SITE_UNREACHABLE: "Die Site hat nicht geantwortet.",
    SITE_UNKNOWN: "Die Site hat keine Konfiguration für dieses Gerät.",
    SITE_TOO_LARGE: "Die Antwort der Site ist größer als jede Konfiguration.",
    CONFIGURATION_SIGNATURE:
      "Die Konfiguration ist nicht von ihrem Unterzeichner unterschrieben, oder sie ist beschädigt.",
    CONFIGURATION_SEALED: "Die Konfiguration ist nicht für dieses Gerät versiegelt.",
    CONFIGURATION_WRONG: "Die Konfiguration enthält, was diese Fassung nicht versteht.",
    CONFIGURATION_FOREIGN: "Die Konfiguration gehört einem anderen Gerät.",
    CONFIGURATION_EXPIRED: "Die Konfiguration ist abgelaufen; ihr Unterzeichner muss sie neu machen.",
    CONFIGURATION_REPLAYED: "Die Konfiguration ist älter als eine, die dieses Gerät schon hatte.",
    CONFIGURATION_MISSING: "Der Startdatenträger nennt keine Site und enthält keine Konfiguration.",
    MEMORY_UNUSABLE: "Was dieses Gerät von seinen Konfigurationen weiß, lässt sich nicht verwenden.",
  },
};
