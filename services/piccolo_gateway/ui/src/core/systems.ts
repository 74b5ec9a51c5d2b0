/** The systems that a root is installed on, each in its own way, and which one a browser runs on. */

export const SYSTEMS = ["windows", "macos", "ios", "android", "linux", "firefox"] as const;
export type System = (typeof SYSTEMS)[number];

/** As they are called in every language. */
export const CALLED: Record<System, string> = {
  windows: "Windows",
  macos: "macOS",
  ios: "iPhone, iPad",
  android: "Android",
  linux: "Linux",
  firefox: "Firefox",
};

const COMMANDS: Partial<Record<System, string>> = {
  windows: "certutil -hashfile piccolo.crt SHA256",
  linux: [
    "openssl x509 -in piccolo.pem -noout -fingerprint -sha256",
    "# Debian, Ubuntu",
    "sudo cp piccolo.pem /usr/local/share/ca-certificates/piccolo.crt && sudo update-ca-certificates",
    "# Fedora",
    "sudo trust anchor piccolo.pem",
  ].join("\n"),
};

/** What to type there; undefined where nothing is typed. */
export function commandsOf(system: System): string | undefined {
  return COMMANDS[system];
}

/** In which form a system takes the root. */
export function formOf(system: System): "crt" | "pem" | "mobileconfig" {
  if (system === "macos" || system === "ios") return "mobileconfig";
  return system === "linux" ? "pem" : "crt";
}

/** The system of a browser. iPads say that they are Macs, but no Mac is touched with several fingers. */
export function systemOf(agent: string, fingers: number): System {
  if (/iPhone|iPad/.test(agent) || (/Macintosh/.test(agent) && fingers > 1)) return "ios";
  if (/Android/.test(agent)) return "android";
  /* on Windows and macOS it takes the system's own roots */
  if (/Firefox\//.test(agent) && !/Windows|Macintosh/.test(agent)) return "firefox";
  if (/Macintosh/.test(agent)) return "macos";
  return /Windows/.test(agent) ? "windows" : "linux";
}
