import type { entry as words } from "../en/entry";

export const entry: typeof words = {
  ADMINS_AWAY: {
    what: "Noch hat niemand dieses Gerät eingelassen.",
    next: "Bitte die Admins des Kreises, ihre Geräte einzuschalten und zu entsperren.",
  },
  ALREADY_IN_CIRCLE: {
    what: "Dieses Gerät ist schon in einem Kreis.",
    next: "Verlass erst diesen, oder tritt von einem leeren Gerät aus bei.",
  },
  BACKUP_DAMAGED: {
    what: "Ein Teil der Sicherung ist beschädigt.",
    next: "Gib die Nummer eines älteren Punkts ein, oder komm mit den Kontakten aus dem Kreis zurück.",
  },
  BACKUP_MISSING: {
    what: "Die Cloud hat keine Sicherung unter diesen Wörtern.",
    next: "Vergleiche sie mit deinem Zettel. Hat die Cloud die Sicherung verloren, komm mit den Kontakten aus dem Kreis zurück.",
  },
  CHAIN_BROKEN: {
    what: "Ein Teil der Sicherung in der Cloud ist beschädigt.",
    next: "Deine Dateien liegen sicher bei deinem Kreis. Ein leeres Gerät lässt sich auf einen älteren Punkt bringen.",
  },
  CHALLENGE_OVER: {
    what: "Das hat zu lange gedauert, oder es waren zu viele Versuche.",
    next: "Gib deine Passphrase noch einmal ein.",
  },
  CLAIM_CODE_MISSING: {
    what: "Das Gerät will seinen Einmalcode.",
    next: "Er steht auf dem Etikett oder dem Bildschirm.",
  },
  CLAIM_CODE_UNREADABLE: {
    what: "Das Gerät hat einen Einmalcode, den es selbst nicht lesen kann.",
    next: "Gib ihm den Code noch einmal, wie es in seinen Hinweisen steht, und starte es neu.",
  },
  CLAIM_CODE_WRONG: {
    what: "Das ist nicht der Einmalcode des Geräts.",
    next: "Lies ihn noch einmal vom Etikett oder Bildschirm ab; Großschreibung und Bindestriche sind egal.",
  },
  CLAIM_NOT_LOCAL: {
    what: "Ein neues Gerät wird nur aus seinem eigenen Netz eingerichtet. Dieser Browser ist in einem anderen.",
    next: "Nimm einen Browser zu Hause, im Netz des Geräts.",
  },
  CONTACTS_MISSING: {
    what: "Um allein aus dem Kreis zurückzukommen, muss das Gerät wissen, wo dessen Mitglieder sind.",
    next: "Gib die Kontakte ein, die mit deinen Wörtern gedruckt wurden, oder lass dir von einem Mitglied seine zeigen.",
  },
  CONTACTS_WRONG: {
    what: "Die Kontakte sind nicht lesbar.",
    next: "Vergleiche jede Zeile mit dem Ausdruck: Eine vertippte Zeile verrät sich an ihren letzten Zeichen.",
  },
  FACTOR_WRONG: {
    what: "Das wurde nicht angenommen.",
    next: "Warte auf den nächsten Code der App, oder weise es anders nach.",
  },
  INTERRUPTED: {
    what: "Das Gerät wurde mittendrin neu gestartet.",
    next: "Gib dieselben 24 Wörter noch einmal ein; was getan war, bleibt.",
  },
  INVITATION_EXPIRED: { what: "Diese Einladung ist abgelaufen.", next: "Bitte um eine neue." },
  INVITATION_FOREIGN: {
    what: "Diese Einladung passt nicht zu dem Kreis, den sie nennt.",
    next: "Bitte um eine neue, und übernimm sie ganz.",
  },
  INVITATION_NOT_FOUND: {
    what: "Niemand kennt diese Einladung.",
    next: "Vergleiche den Code, oder bitte um eine neue.",
  },
  INVITATION_REVOKED: { what: "Diese Einladung wurde zurückgenommen.", next: "Bitte um eine neue." },
  INVITATION_UNREADABLE: {
    what: "Diese Einladung ist nicht lesbar.",
    next: "Vergleiche den Code mit dem, was du bekommen hast, oder nimm den Link.",
  },
  INVITATION_USED: { what: "Diese Einladung hat schon jemand benutzt.", next: "Bitte um eine neue." },
  NOTHING_BACKED_UP: {
    what: "Die Wörter stimmen, aber unter ihnen liegt keine Sicherung.",
    next: "Vielleicht gehören sie jemand anderem. Hat die Cloud die Sicherung verloren, gib auch die Kontakte deines Kreises ein. Verändert wurde nichts.",
  },
  OTHER_WORDS: {
    what: "Auf diesem Gerät wurde die Wiederherstellung von jemand anderem begonnen.",
    next: "Gib dessen 24 Wörter ein. Oder nimm ein anderes leeres Gerät, oder schreib Piccolo neu auf die Platte von diesem, wie es in seiner Anleitung steht: Verloren geht dabei nichts, alle Dateien liegen bei den Kreisen derer, denen sie gehören.",
  },
  PASSPHRASE_CHARACTERS: {
    what: "Darin steckt ein Zeichen, das du nicht wieder tippen könntest. Lass es weg.",
    next: "Wähle eine andere.",
  },
  PASSPHRASE_COMMON: {
    what: "Diese steht auf Listen gestohlener und häufiger Passphrasen und würde deshalb sofort ausprobiert.",
    next: "Wähle vier oder fünf Wörter, die nichts miteinander zu tun haben.",
  },
  PASSPHRASE_DELAY: {
    what: "Nach einer falschen Passphrase wartet die nächste ein wenig.",
    next: "Das bremst, wer rät.",
  },
  PASSPHRASE_SHORT: { what: "Eine Passphrase hat mindestens 8 Zeichen.", next: "Wähle eine längere." },
  PASSPHRASE_TRIVIAL: {
    what: "Diese folgt einem Muster, das sofort ausprobiert würde.",
    next: "Wähle vier oder fünf Wörter, die nichts miteinander zu tun haben.",
  },
  POINT_MISSING: {
    what: "Die Sicherung hat keinen Punkt mit dieser Nummer.",
    next: "Gib eine andere Nummer ein, oder keine für den neuesten.",
  },
  RECOVERY_RUNNING: {
    what: "Auf diesem Gerät läuft eine Wiederherstellung mit anderen Wörtern.",
    next: "Warte, bis sie zu Ende ist.",
  },
  RESTORED_ALREADY: {
    what: "Auf diesem Gerät liegt schon, was eine Wiederherstellung zurückgebracht hat.",
    next: "Lass die Nummer des Punkts leer und lass es die Cloud fragen: Dann geht es dort weiter, wo es war. Um anders zurückzukommen, nimm ein anderes leeres Gerät, oder schreib Piccolo neu auf die Platte von diesem, wie es in seiner Anleitung steht: Deine Dateien liegen sicher bei deinem Kreis.",
  },
  RESTORE_CUT_OFF: {
    what: "Die Wiederherstellung wurde unterbrochen.",
    next: "Gib dieselben 24 Wörter noch einmal; was getan ist, bleibt.",
  },
  TOO_MANY_LOGINS: {
    what: "Gerade melden sich mehrere Leute an.",
    next: "Versuche es in ein paar Sekunden noch einmal.",
  },
  TOO_MANY_TRIES: {
    what: "Zu viele Versuche hintereinander.",
    next: "Der nächste wartet; das bremst, wer rät.",
  },
  UNAVAILABLE: {
    what: "Was dafür nötig ist, antwortet gerade nicht.",
    next: "Verloren ist nichts; versuche es noch einmal.",
  },
  WORDS_CHECKSUM: {
    what: "Die Wörter gehen nicht auf: Eines wurde verwechselt, oder zwei sind vertauscht.",
    next: "Vergleiche jedes mit deinem Zettel.",
  },
  DISK_WORDS_WRONG: {
    what: "Diese Wörter öffnen die Daten dieses Geräts nicht; geändert wurde nichts.",
    next: "Sind es die eines anderen Geräts oder frühere? Nur die neuesten Wörter der Person, der es gehört, öffnen sie.",
  },
  DISK_NO_WORDS: {
    what: "Keine Wörter öffnen die Daten dieses Geräts: Es wurde nie eingerichtet.",
    next: "Nur das eigene TPM öffnet sie; setz es wieder ein, oder richte das Gerät neu ein.",
  },
  DISK_NOT_CLOSED: {
    what: "Auf diesem Gerät gibt es keine Daten, die darauf warten, geöffnet zu werden.",
    next: "Lade diese Seite neu.",
  },
  DISK_DAMAGED: {
    what: "Das Dateisystem der Daten dieses Geräts ist beschädigt und ließ sich nicht von selbst reparieren.",
    next: "Richte es noch nicht neu ein: Wer sich mit Dateisystemen auskennt, kann es vielleicht reparieren. Was gespeichert ist, liegt sicher bei deinem Kreis.",
  },
  DISK_BUSY: { what: "Das Gerät arbeitet gerade an seinen Daten.", next: "Versuch es gleich noch einmal." },
  DISK_AWAY: {
    what: "Der Teil des Geräts, der die Daten öffnet, antwortet nicht.",
    next: "Starte das Gerät neu.",
  },
  DISK_FAILED: {
    what: "Die Daten ließen sich nicht öffnen.",
    next: "Starte das Gerät neu und versuch es noch einmal; im Protokoll des Geräts steht, warum.",
  },
};
