import type { System } from "../../core/systems";

/** How browsers come to trust this device; docs/https.md in a few lines. */
export const trust = {
  what: "Your device proves who it is with a certificate that it made itself. Browsers warn about that until you tell them, once on each computer and phone, that it is yours.",
  limits:
    "The certificate can only vouch for names and addresses in your home network: never for your bank, never for your mail.",
  elsewhere:
    "This device uses a certificate that was made elsewhere. Whoever set that up decides who trusts it; there is nothing to install from here.",
  fingerprint: "Its fingerprint (SHA-256)",
  compare:
    "Before you install it, compare this with the fingerprint of the file you downloaded. Best look it up on a computer that trusts the device already: if this page came through somebody else’s hands, so did this number. If they differ, do not install it.",
  install: "Install it",
  system: "On this system",
  profile: "Get the profile",
  certificate: (form: string) => `Download piccolo.${form}`,
  steps: {
    windows: [
      "Compare the fingerprint: the line below shows that of the file.",
      "Open piccolo.crt and choose “Install Certificate”, then “Current User”.",
      "Choose “Place all certificates in the following store”, and there “Trusted Root Certification Authorities”.",
      "Restart the browser.",
    ],
    macos: [
      "Open the profile that was downloaded.",
      "Open System Settings, General, Device Management, and install “Piccolo at home”.",
      "Restart the browser.",
    ],
    ios: [
      "Open this page in Safari, get the profile and allow it.",
      "Open Settings, General, VPN & Device Management, and install “Piccolo at home”.",
      "Open Settings, General, About, Certificate Trust Settings, and switch “Piccolo at home” on.",
    ],
    android: [
      "Open Settings, Security & privacy, More, Encryption & credentials, Install a certificate, CA certificate.",
      "Android warns about such certificates; go on, and choose piccolo.crt.",
      "Browsers trust the device now. Other apps decide for themselves.",
    ],
    linux: [
      "Compare the fingerprint, then run the line for your system, in the folder of the download.",
      "In Chrome, open Settings, Privacy and security, Security, Manage certificates, Custom, Installed by you, and import the file.",
      "Firefox has its own list: see there.",
    ],
    firefox: [
      "Open Settings, Privacy & Security, Certificates, View Certificates, Authorities, Import, and choose piccolo.crt.",
      "“View” shows its fingerprint. Tick “Trust this CA to identify websites”.",
      "On Windows and macOS this is not needed: Firefox trusts what the system trusts.",
    ],
  } satisfies Record<System, string[]> as Record<System, string[]>,
  commands: "In a terminal",
  undo: "To take it back, remove “Piccolo at home” in the same place. Do that everywhere if this device is ever stolen.",
  programs: "For scripts",
  programsWords:
    "Programs take the same certificate as a file. The API tells its fingerprint too: “root” in GET /api/v1/network.",
  example: "For example with curl",
};
