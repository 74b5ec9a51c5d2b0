/** What is said of a problem whose reason has no words here, by its kind. */
export const kinds: Record<string, { what: string; next: string }> = {
  INVALID: {
    what: "Mit dem, was gesendet wurde, kann das Gerät nichts anfangen.",
    next: "Ändere es und versuche es noch einmal.",
  },
  NOT_FOUND: { what: "Das gibt es nicht.", next: "Sieh nach, was jetzt da ist." },
  ALREADY_EXISTS: { what: "Das gibt es schon.", next: "Wähle einen anderen Namen." },
  CONFLICT: {
    what: "Das wurde inzwischen geändert.",
    next: "Sieh es dir an, wie es jetzt ist, und entscheide neu.",
  },
  PRECONDITION: { what: "Das geht gerade nicht.", next: "Vorher muss etwas anderes getan werden." },
  LOCKED: { what: "Das Gerät ist gesperrt.", next: "Entsperre es mit deiner Passphrase." },
  DENIED: { what: "Das ist nicht erlaubt.", next: "Es bleibt abgelehnt, bis sich das geändert hat." },
  UNAUTHENTICATED: {
    what: "Das Gerät weiß nicht, wer du bist.",
    next: "Melde dich mit deiner Passphrase an.",
  },
  EXHAUSTED: {
    what: "Das war zu viel auf einmal.",
    next: "Warte ein paar Sekunden und versuche es noch einmal.",
  },
  FULL: {
    what: "Dafür ist kein Platz mehr.",
    next: "Schaff Platz, oder bitte die Mitglieder des Kreises um mehr.",
  },
  UNAVAILABLE: {
    what: "Was dafür gebraucht wird, antwortet gerade nicht.",
    next: "Verloren ist nichts; versuche es in einem Moment noch einmal.",
  },
  TIMEOUT: {
    what: "Das hat zu lange gedauert.",
    next: "Sieh nach, ob es getan ist, und versuche es noch einmal.",
  },
  DATA_LOSS: {
    what: "Daran ist etwas beschädigt.",
    next: "Starte eine Prüfung auf der Seite der Sicherung: Was sich reparieren lässt, entsteht aus anderen Fragmenten neu.",
  },
  OUT_OF_RANGE: { what: "Das liegt hinter dem Ende.", next: "Lade die Seite neu." },
  UNIMPLEMENTED: {
    what: "Das bietet das Gerät nicht.",
    next: "Lade die Seite neu: Sie ist vielleicht von einem anderen Stand.",
  },
  CANCELLED: { what: "Das wurde abgebrochen.", next: "Beginne es noch einmal, wenn du es noch willst." },
  INTERNAL: {
    what: "Etwas ist schiefgegangen, das niemand vorhergesehen hat.",
    next: "Versuche es noch einmal; bleibt es dabei, melde die Nummer des Vorfalls.",
  },
};
