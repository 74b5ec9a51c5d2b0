/** Where this device's data is since it was started, when it is in memory only. */
export const boot = {
  title: "This device could not open its data",
  kept: "Whatever is kept now is in memory only, and gone when the power goes.",
  reasons: {
    NO_TPM: "It has no TPM, or the TPM does not answer; only a TPM opens its data by itself.",
    NO_DATA: "It found no place for data on its disk.",
    TPM_REFUSED:
      "The TPM did not open it: it is another one, it was cleared, or the keys of the firmware changed.",
    SECURE_BOOT_OFF: "Secure Boot is off, so the TPM did not open it.",
    DATA_DAMAGED: "The file system of its data is damaged.",
  } as Record<string, string>,
  next: {
    NO_TPM:
      "Switch the TPM on in the firmware’s settings, or put the old one back, and start the device again.",
    NO_DATA: "Look whether the disk is well and has room, and start the device again.",
    TPM_REFUSED: "If the TPM or the firmware’s settings were changed, undo that and start the device again.",
    SECURE_BOOT_OFF: "Switch Secure Boot on in the firmware’s settings and start the device again.",
    DATA_DAMAGED: "Do not set it up anew yet: somebody who knows file systems may repair it.",
  } as Record<string, string>,
  ram: {
    title: "This device keeps nothing when its power goes",
    kept: "It runs from memory and has no data volume. Whatever is set up or kept here is gone when it is switched off or started again: its owner, and what it keeps for others. What lies with other devices of the circle stays there.",
    next: "To keep something, plug in a disk with a partition called piccolo-data and start the device again. What is set up now does not move there.",
  },
  freshWords: "Only to try it: it would begin empty, and forget everything when the power goes.",
  maybe:
    "The disk of this device holds data that it could not open. Setting up anew does not touch that data, and does not bring it back.",
  open: "Open the data with the 24 words",
  orWords:
    "Or open it now with your 24 recovery words; the device takes the TPM that it has for it from then on.",
  openWords:
    "They stay in this browser and this device. The device looks whether they are right before it changes anything; then it starts its services anew on the data, and whatever was set up in memory meanwhile is gone.",
  openDone: "Open",
  opening:
    "The words are right. The device starts its services on the data; this page comes back by itself. Your browser may ask about the certificate again: the device shows the one it had before.",
};
