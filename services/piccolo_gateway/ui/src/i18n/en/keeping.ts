/** Problems that are met in Settings and Security. */
export const keeping = {
  CODE_WRONG: {
    what: "That is not the app’s code.",
    next: "Wait for the next one. If it fails again, compare the phone’s clock with the device’s.",
  },
  ENROLMENT_OVER: { what: "That took too long, or too many tries.", next: "Begin again." },
  FACTOR_NOT_FOUND: { what: "This second factor is gone already.", next: "Look at the list again." },
  NO_BACKUP: {
    what: "There is no backup in the cloud yet.",
    next: "New words need one. Wait until the first backup is written, then begin again.",
  },
  NO_FACTOR: {
    what: "Recovery codes stand in for a second factor, and there is none.",
    next: "Add an app or a passkey first.",
  },
  NO_NEW_WORDS: {
    what: "The device has forgotten the words that were shown, as it was locked or restarted meanwhile.",
    next: "Destroy that note, and have new ones shown. The old words still hold.",
  },
  PASSKEY_INVALID: {
    what: "The device does not accept this passkey.",
    next: "Begin again, and let the browser make a new one.",
  },
  ROTATION_RUNNING: {
    what: "New words are being put in force already.",
    next: "Wait until that is done; then you can make newer ones.",
  },
  SESSION_NOT_FOUND: { what: "This session has ended already.", next: "Look at the list again." },
  TOKEN_NOT_FOUND: { what: "This token is revoked already.", next: "Look at the list again." },
  TOO_MANY_FACTORS: { what: "There are as many second factors as there can be.", next: "Remove one first." },
  TOO_MANY_TOKENS: { what: "There are as many tokens as there can be.", next: "Revoke one first." },
};
