/** Problems that may be met anywhere, by reason. */
export const reasons = {
  ACCESS_ENDED: {
    what: "Die Anmeldung oder das Token, mit dem das begann, ist beendet; darum brach es ab.",
    next: "Melde dich an und beginne es noch einmal.",
  },
  ALREADY_CONFIRMED: {
    what: "Die Wörter sind schon bestätigt.",
    next: "Melde dich mit deiner Passphrase an.",
  },
  ALREADY_SET_UP: {
    what: "Dieses Gerät ist schon eingerichtet.",
    next: "Melde dich mit deiner Passphrase an.",
  },
  ARCHIVE_TOO_LARGE: {
    what: "Das ist mehr, als eine ZIP-Datei fasst.",
    next: "Wähle weniger, etwa einen Ordner nach dem anderen.",
  },
  BACKUP_ALTERED: {
    what: "Was aus der Sicherung kam, ist nicht das, was hineingeschrieben wurde.",
    next: "Übernommen wurde nichts. Versuche es noch einmal; bleibt es dabei, komm mit den Kontakten aus dem Kreis zurück.",
  },
  CIRCLE_UNKNOWN: {
    what: "Dieses Gerät kennt seinen Kreis noch nicht.",
    next: "Warte einen Moment und versuche es noch einmal.",
  },
  CLOUD_AWAY: {
    what: "Die Cloud antwortet nicht.",
    next: "Sieh nach, ob dieses Gerät ins Internet kommt. Was gespeichert ist, ist solange bei deinem Kreis sicher.",
  },
  CLOUD_LIES: {
    what: "Die Cloud hat etwas anderes zurückgegeben, als geschrieben wurde.",
    next: "Nichts davon wurde benutzt. Was gespeichert ist, ist bei deinem Kreis sicher.",
  },
  CLOUD_MISSING: {
    what: "Dieses Gerät kennt keine Cloud; dort wird nichts gesichert.",
    next: "Nenne eine in der Konfiguration des Geräts.",
  },
  CLOUD_STRANGER: {
    what: "Was anstelle der Cloud antwortet, ist nicht die, die dieses Gerät kennt.",
    next: "Sieh dir die Netzeinstellungen an. Gesendet wurde dorthin nichts.",
  },
  CONTACTS_AWAY: {
    what: "Keiner dieser Kontakte antwortet.",
    next: "Frag die Besitzer, ob ihre Geräte an sind, oder vergleiche die Adressen.",
  },
  CONTACT_AWAY: { what: "Dieser Kontakt antwortet nicht.", next: "Frag nach, ob das Gerät an ist." },
  CONTACT_WRONG: {
    what: "Unter der Adresse dieses Kontakts antwortet ein anderes Gerät.",
    next: "Vergleiche die Zeile mit dem Ausdruck, oder nimm einen anderen Kontakt.",
  },
  COPY_CUT_OFF: {
    what: "Das Kopieren brach ab, bevor es fertig war; davon ist nichts geblieben.",
    next: "Versuche es noch einmal.",
  },
  CROSS_SITE: {
    what: "Die Seite einer anderen Adresse wollte das; es wurde abgelehnt.",
    next: "Öffne die Adresse des Geräts selbst und tu es dort.",
  },
  DATABASE_DAMAGED: {
    what: "Das Gedächtnis des Geräts ist beschädigt.",
    next: "Starte das Gerät neu. Bleibt es dabei, stelle es mit den 24 Wörtern wieder her: Was gespeichert ist, liegt sicher bei deinem Kreis.",
  },
  DATA_CLOSED: {
    what: "Dieses Gerät konnte seine Daten beim Start nicht öffnen, darum vernichtet es sie auch nicht.",
    next: "Öffne die Daten erst mit den 24 Wörtern, denen sie gehören. Was nur im Arbeitsspeicher liegt, geht mit einem Neustart.",
  },
  DEADLINE_EXCEEDED: {
    what: "Das hat zu lange gedauert.",
    next: "Sieh nach, ob es getan ist, und versuche es noch einmal.",
  },
  DELEGATION_MISSING: {
    what: "Das Gerät darf die Sicherung erst schreiben, wenn es einmal entsperrt war.",
    next: "Entsperre es mit deiner Passphrase.",
  },
  DEVICE_NAME: { what: "So kann das Gerät nicht heißen.", next: "Wähle einen anderen Namen." },
  DIRECTORY_NOT_EMPTY: {
    what: "Der Ordner ist nicht leer.",
    next: "Entferne zuerst, was darin ist, oder alles auf einmal.",
  },
  DISK_FAILED: {
    what: "Die Platte des Geräts hat versagt.",
    next: "Sieh nach dem Zustand der Platte. Was gespeichert ist, liegt sicher bei deinem Kreis.",
  },
  DISK_FULL: {
    what: "Die Platte des Geräts selbst ist voll.",
    next: "Schaff darauf Platz: sonst kann es sich nichts Neues merken.",
  },
  ENTRIES_MISSED: {
    what: "Ein früheres Gerät hat in die Sicherung geschrieben, was dieses nicht übernommen hat.",
    next: "Es bleibt in der Sicherung und lässt sich daraus auf ein leeres Gerät holen.",
  },
  ENTRY_EXISTS: { what: "So heißt schon etwas.", next: "Wähle einen anderen Namen." },
  ENTRY_NOT_FOUND: {
    what: "So heißt nichts mehr.",
    next: "Vielleicht wurde es umbenannt, verschoben oder entfernt: Sieh im Ordner und im Papierkorb nach.",
  },
  FACTOR_UNREADABLE: {
    what: "Der Eintrag dieses zweiten Faktors ist nicht lesbar.",
    next: "Entferne ihn und füge ihn neu hinzu.",
  },
  FILE_SHORT: { what: "Es kamen weniger Bytes, als die Datei hat.", next: "Versuche es noch einmal." },
  FORK: {
    what: "Die Sicherung geht auf zwei verschiedene Arten weiter.",
    next: "Geschrieben wird nichts mehr. Arbeitet ein anderes Gerät von dir mit denselben Wörtern? Sprich mit deinem Kreis.",
  },
  FRAGMENTS_AWAY: {
    what: "Zu viele der Mitglieder, die das aufbewahren, sind weg; gerade lässt es sich nicht lesen.",
    next: "Verloren ist es nicht: Sind sie zurück, lässt es sich wieder lesen.",
  },
  FRAGMENTS_LOST: {
    what: "Davon sind zu wenige Fragmente übrig, um es wiederherzustellen.",
    next: "Sieh nach einer älteren Version; kommen Mitglieder doch zurück, kommt vielleicht auch das zurück.",
  },
  GENERATION_MOVED: {
    what: "Inzwischen hat ein neueres Gerät von dir übernommen.",
    next: "Benutze das neuere.",
  },
  IDEMPOTENCY_KEY_LOST: {
    what: "Ob das getan wurde, ist nicht bekannt: Das Gerät wurde dazwischen neu gestartet.",
    next: "Sieh nach, ob es getan ist; wenn nicht, tu es noch einmal.",
  },
  ID_UNKNOWN: { what: "Das gibt es nicht mehr.", next: "Sieh noch einmal in die Liste." },
  INTERNAL: {
    what: "Etwas ist schiefgegangen, das niemand vorhergesehen hat.",
    next: "Versuche es noch einmal; bleibt es dabei, melde die Nummer des Vorfalls.",
  },
  INTO_ITSELF: { what: "Ein Ordner kann nicht in sich selbst.", next: "Wähle einen Ort außerhalb." },
  INVITER_AWAY: {
    what: "Das Gerät, das dich eingeladen hat, antwortet nicht.",
    next: "Frag nach, ob es an und entsperrt ist, und versuche es noch einmal.",
  },
  IN_A_CIRCLE: {
    what: "Dieses Gerät ist schon in einem Kreis.",
    next: "Verlass ihn zuerst, oder tritt mit einem leeren Gerät bei.",
  },
  IS_A_DIRECTORY: { what: "Das ist ein Ordner, keine Datei.", next: "Öffne ihn und wähle eine Datei darin." },
  JOINER_CLASHES: {
    what: "Dieses Gerät oder sein Besitzer ist schon im Kreis.",
    next: "Tritt mit einem leeren Gerät und eigenen Wörtern bei.",
  },
  LOCKED: { what: "Das Gerät ist gesperrt.", next: "Entsperre es mit deiner Passphrase." },
  LOGIN_NEEDED: { what: "Du bist nicht mehr angemeldet.", next: "Melde dich mit deiner Passphrase an." },
  LOG_FULL: {
    what: "Die Cloud nimmt von der Sicherung nichts mehr an: Ihr Protokoll ist voll.",
    next: "Lass die ganze Sicherung neu schreiben; was gespeichert ist, ist bei deinem Kreis sicher.",
  },
  MEMBERS_UNHEARD: {
    what: "Nach der Wiederherstellung muss zuerst von den meisten Mitgliedern gehört werden.",
    next: "Warte, bis mehr von ihnen zurück sind; verloren ist nichts.",
  },
  MEMORY_AWAY: {
    what: "Das eigene Gedächtnis dieses Geräts antwortet nicht; an der Cloud oder deinem Kreis liegt es nicht.",
    next: "Versuche es gleich noch einmal; bleibt es so, starte das Gerät neu.",
  },
  MODIFIED: { what: "Die Datei wurde beim Lesen geändert.", next: "Lies sie noch einmal." },
  NAME_DIFFERS: {
    what: "So heißt dieses Gerät nicht; nichts wurde geändert.",
    next: "Gib den Namen Buchstabe für Buchstabe ein.",
  },
  NOTHING_NEW: { what: "Das ist schon so.", next: "Mehr ist nicht nötig." },
  NOT_A_DEVICE: {
    what: "Hier ist Piccolo eine Reihe von Programmen auf einem Computer und kein eigenes Gerät.",
    next: "Beende die Programme dort.",
  },
  NOT_A_DIRECTORY: { what: "Wo ein Ordner sein müsste, ist eine Datei.", next: "Wähle einen anderen Ort." },
  NOT_A_MEMBER: { what: "Dieses Gerät ist kein Mitglied dieses Kreises.", next: "Bitte um eine Einladung." },
  NOT_BLANK: {
    what: "Dieses Gerät ist nicht leer: Es hat schon einen Besitzer.",
    next: "Setz es zuerst zurück, oder nimm ein leeres.",
  },
  NOT_SET_UP: {
    what: "Dieses Gerät ist noch nicht eingerichtet.",
    next: "Richte es ein, oder stelle mit deinen 24 Wörtern wieder her.",
  },
  NO_AUTHORITY: {
    what: "Dieses Gerät hat keine eigene Zertifizierungsstelle.",
    next: "Sein Zertifikat wurde ihm gegeben; hier ist nichts zu bestätigen.",
  },
  NO_CIRCLE: {
    what: "Dieses Gerät ist noch in keinem Kreis.",
    next: "Gründe einen, oder tritt mit einer Einladung einem bei.",
  },
  NO_KEEPERS: {
    what: "Niemand ist da, der das aufbewahren könnte.",
    next: "Lade mindestens ein Mitglied ein, oder warte, bis Mitglieder zurück sind.",
  },
  NO_MAJORITY: {
    what: "Zu wenige Mitglieder haben zugestimmt, dass dieses Gerät übernimmt.",
    next: "Bitte mehr von ihnen, ihre Geräte einzuschalten, und versuche es noch einmal.",
  },
  NO_PROPOSAL: {
    what: "Dieser Vorschlag wartet auf niemanden mehr.",
    next: "Sieh dir den Kreis an, wie er jetzt ist.",
  },
  NO_ROOM: {
    what: "Der Kreis hat dafür keinen Platz.",
    next: "Schaff Platz, lade ein weiteres Mitglied ein, oder bitte eines um mehr Platz.",
  },
  NO_SUCH_INVITATION: { what: "Diese Einladung gibt es nicht mehr.", next: "Sieh noch einmal in die Liste." },
  NO_SUCH_MEMBER: {
    what: "Dieses Mitglied hat der Kreis nicht.",
    next: "Sieh dir den Kreis an, wie er jetzt ist.",
  },
  NO_UPLOAD: { what: "Das Gerät kennt diesen Upload nicht mehr.", next: "Beginne ihn noch einmal." },
  OPERATION_ENDED: { what: "Diese Arbeit ist schon zu Ende.", next: "Mehr ist nicht nötig." },
  OPERATION_NOT_FOUND: {
    what: "Von dieser Arbeit weiß niemand mehr.",
    next: "Sieh nach, was da ist, und beginne neu, wenn es noch nötig ist.",
  },
  OUTBID: {
    what: "Ein anderes Gerät von dir übernimmt gerade.",
    next: "Benutze jenes, oder versuche es noch einmal, wenn es fertig ist.",
  },
  PARENT_MISSING: {
    what: "Der Ordner, in den das gehört, ist weg.",
    next: "Leg ihn neu an, oder wähle einen anderen Ort.",
  },
  PASSKEY_HOST: {
    what: "Ein Passkey gilt nur unter einem Namen des Geräts, und diese Adresse ist keiner davon.",
    next: "Öffne das Gerät unter seinem Namen und melde dich dort an.",
  },
  PATH_INVALID: {
    what: "Dieser Name geht nicht.",
    next: "Ein Name hat bis zu 255 Bytes und keinen Schrägstrich.",
  },
  PATH_TOO_LONG: {
    what: "Die Namen aller Ordner zusammen sind zu lang.",
    next: "Wähle einen kürzeren Namen, oder einen Ort weiter oben.",
  },
  PEER_AWAY: {
    what: "Das Gerät eines Mitglieds antwortet nicht.",
    next: "Versuche es noch einmal, wenn es zurück ist.",
  },
  POWER_AWAY: {
    what: "Der Teil des Geräts, der es beenden kann, antwortet nicht.",
    next: "Nimm ihm den Strom, und gib ihn ihm wieder.",
  },
  POWER_BUSY: { what: "Das Gerät soll schon enden.", next: "Gib ihm einen Moment." },
  POWER_FAILED: {
    what: "Das Gerät ließ sich nicht beenden.",
    next: "Versuch es noch einmal; warum es nicht ging, steht in seinem Log.",
  },
  PRECONDITION_FAILED: {
    what: "Das wurde inzwischen geändert; getan wurde nichts.",
    next: "Sieh es dir an, wie es jetzt ist, und entscheide neu.",
  },
  PROMISE_OUT_OF_REACH: {
    what: "Zu wenige Mitglieder konnten das aufbewahren; den Verlust eines Geräts hätte es nicht überstanden. Gespeichert wurde es nicht.",
    next: "Warte, bis mehr Mitglieder zurück sind, oder lade ein weiteres ein.",
  },
  PROOF_INVALID: { what: "So lässt sich das nicht beweisen.", next: "Wähle einen anderen Weg." },
  PROOF_NEEDED: {
    what: "Dafür braucht es einen frischen Beweis, dass du es bist.",
    next: "Beweise es, und tu es dann noch einmal.",
  },
  PROOF_WITHHELD: {
    what: "Die Cloud hat eine Sicherung gezeigt, lässt sie aber nicht mit dem vergleichen, was dein Kreis weiß.",
    next: "Versuche es noch einmal, wenn die Cloud antwortet, oder komm über die Kontakte deines Kreises zurück.",
  },
  PROPOSAL_WRONG: {
    what: "Dieser Vorschlag ist nicht, was er sagt.",
    next: "Unterschreibe ihn nicht; sprich mit den anderen Admins.",
  },
  RECOVERY_CANCELLED: {
    what: "Die Wiederherstellung wurde abgebrochen.",
    next: "Gib dieselben 24 Wörter noch einmal; was getan ist, bleibt.",
  },
  RECOVERY_UNFINISHED: {
    what: "Auf diesem Gerät wurde eine Wiederherstellung begonnen und nicht beendet.",
    next: "Gib dieselben 24 Wörter noch einmal; was getan ist, bleibt.",
  },
  REDUNDANCY: {
    what: "Für so viele Fragmente ist der Kreis zu klein.",
    next: "Wähle weniger, oder lade mehr Mitglieder ein.",
  },
  REVISION_CONFLICT: {
    what: "Das wurde inzwischen geändert; getan wurde nichts.",
    next: "Sieh es dir an, wie es jetzt ist, und entscheide neu.",
  },
  ROLLED_BACK: {
    what: "Die Cloud zeigt eine ältere Sicherung, als deine Mitglieder kennen.",
    next: "Versuche es noch einmal; bleibt es dabei, komm aus dem Kreis zurück.",
  },
  ROOT_FIXED: { what: "Der oberste Ordner bleibt, wo er ist.", next: "Wähle etwas, das darin ist." },
  SCOPE_MISSING: { what: "Diese Anmeldung darf das nicht.", next: "Melde dich mit deiner Passphrase an." },
  SEALED_MALFORMED: {
    what: "Was gesendet wurde, ließ sich nicht öffnen.",
    next: "Lade die Seite neu und gib es noch einmal ein.",
  },
  SEALED_WRONG: {
    what: "Das Gerät wurde neu gestartet, seit diese Seite offen ist.",
    next: "Gib es noch einmal ein.",
  },
  SERVER_AWAY: {
    what: "Das gefragte Gerät antwortet nicht.",
    next: "Versuche es in einem Moment noch einmal.",
  },
  SESSION_ENDED: {
    what: "Deine Sitzung ist zu Ende.",
    next: "Melde dich noch einmal an; Dateien und Uploads bleiben, wie sie sind.",
  },
  SETTING_UNKNOWN: {
    what: "Diese Einstellung hat das Gerät nicht.",
    next: "Sieh noch einmal in die Einstellungen.",
  },
  SETTING_WRONG: {
    what: "Diesen Wert kann die Einstellung nicht haben.",
    next: "Wähle einen anderen.",
    facts: true,
  },
  SETUP_AGAIN: {
    what: "Das Gerät wurde neu gestartet, bevor seine Wörter bestätigt waren.",
    next: "Richte es noch einmal ein; vernichte den Zettel mit den früheren Wörtern.",
  },
  SHARE_BUSY: {
    what: "Mit diesem Link wurden eben viele Downloads begonnen.",
    next: "Versuche es gleich noch einmal.",
  },
  SHARE_LOCKED: {
    what: "Das Gerät ist gesperrt; solange ruhen seine Links.",
    next: "Versuche es später, oder frag, wer dir den Link geschickt hat.",
  },
  SHARE_NOT_FOUND: { what: "Diesen Link gibt es nicht mehr.", next: "Sieh noch einmal in die Liste." },
  SHARE_OVER: {
    what: "Dieser Link führt nirgends mehr hin.",
    next: "Bitte um einen neuen, wer ihn dir geschickt hat.",
  },
  SHARE_PASSWORD_DELAY: {
    what: "Nach einem falschen Passwort wartet das nächste ein wenig.",
    next: "Das bremst, wer rät.",
  },
  SHARE_PASSWORD_WRONG: {
    what: "Das ist nicht das Passwort des Links.",
    next: "Frag danach, wer dir den Link geschickt hat.",
  },
  SNAPSHOT_AWAY: {
    what: "Der Anfang der Sicherung ist gerade nicht zu holen.",
    next: "Versuche es in einem Moment noch einmal.",
  },
  STATE_DAMAGED: {
    what: "Was das Gerät für sich selbst aufhebt, ist beschädigt.",
    next: "Stelle mit den 24 Wörtern wieder her: Was gespeichert ist, liegt sicher bei deinem Kreis.",
  },
  STATE_FULL: { what: "Die Platte des Geräts selbst ist voll.", next: "Schaff darauf Platz." },
  STATE_UNWRITABLE: {
    what: "Das Gerät kann auf seine eigene Platte nicht schreiben.",
    next: "Sieh nach dem Zustand der Platte.",
  },
  STOPPING: {
    what: "Das Gerät wird gerade neu gestartet.",
    next: "Versuche es in einem Moment noch einmal; Uploads gehen weiter, wo sie waren.",
  },
  SUPERSEDED: { what: "Ein anderer Tab oder Browser setzt diesen Upload fort.", next: "Sieh dort danach." },
  TOKEN_EXISTS: { what: "So heißt schon ein Token.", next: "Wähle einen anderen Namen." },
  TOO_MANY_PROPOSALS: {
    what: "Es warten schon zu viele Vorschläge.",
    next: "Lass die Admins zuerst darüber entscheiden.",
  },
  TOO_MANY_REQUESTS: {
    what: "Das war zu viel auf einmal.",
    next: "Warte ein paar Sekunden und versuche es noch einmal.",
  },
  TOO_MANY_SHARES: { what: "Mehr Links kann es nicht geben.", next: "Beende zuerst einen." },
  TOO_MANY_STREAMS: {
    what: "Es sind zu viele Dateien zugleich unterwegs.",
    next: "Warte, bis eine fertig ist, und versuche es noch einmal.",
  },
  TOO_MANY_UPLOADS: {
    what: "Es sind zu viele Uploads offen.",
    next: "Bring zuerst einen zu Ende, oder brich ihn ab.",
  },
  TRASH_NOT_FOUND: { what: "Das liegt nicht mehr im Papierkorb.", next: "Sieh noch einmal in die Liste." },
  TWO_DEVICES: {
    what: "In einem Kreis aus zweien darf nichts verloren gehen; dafür braucht es dein Wort, dass du das weißt.",
    next: "Lade ein drittes Mitglied ein.",
  },
  UNKNOWN: {
    what: "Das Gerät hat etwas geantwortet, das diese Seite nicht versteht.",
    next: "Lade die Seite neu.",
  },
  UNSETTLED: {
    what: "Nach der Wiederherstellung muss zuerst von den meisten Mitgliedern gehört werden.",
    next: "Warte, bis mehr von ihnen zurück sind.",
  },
  UPLOAD_BUSY: {
    what: "Dieser Upload läuft gerade anderswo.",
    next: "Warte einen Moment und versuche es noch einmal.",
  },
  UPLOAD_OFFSET: {
    what: "Das Gerät hat einen anderen Teil dieser Datei, als der Browser dachte.",
    next: "Versuche es noch einmal: Es geht von dort weiter.",
  },
  UPLOAD_OVER: { what: "Dieser Upload ist abgelaufen.", next: "Beginne ihn noch einmal." },
  UPLOAD_TOO_LARGE: {
    what: "Es kam mehr, als für diesen Upload angekündigt war.",
    next: "Beginne ihn noch einmal.",
  },
  VERSION_NOT_FOUND: {
    what: "Diese Version wird nicht mehr aufbewahrt.",
    next: "Sieh noch einmal in die Liste der Versionen.",
  },
  WORDS_DIFFER: {
    what: "Das sind nicht die Wörter, die das Gerät gezeigt hat.",
    next: "Vergleiche deinen Zettel; ist er weg, richte das Gerät noch einmal ein.",
  },
  WORDS_UNCONFIRMED: {
    what: "Die Wörter sind noch nicht bestätigt.",
    next: "Bestätige sie, oder richte das Gerät noch einmal ein.",
  },
};
