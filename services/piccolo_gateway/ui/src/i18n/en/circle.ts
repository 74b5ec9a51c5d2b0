import { plural } from "../plural";

const n = (count: number, one: string, other: string) => plural("en", count, one, other);

export const circle = {
  title: "Circle",
  invite: "Invite somebody",
  summary: (members: number, away: number) =>
    n(members, "One other member keeps your files", "# other members keep your files") +
    (away ? `; ${n(away, "one is away", "# are away")}.` : "; all are here."),
  none: "This device is in no circle yet",
  noneWords:
    "A circle is a few people who keep each other’s files, encrypted. Set this device up to found one, or accept an invitation.",
  alone: "You are alone in your circle",
  aloneWords:
    "A circle is a few people who keep each other’s files, encrypted. Invite the first: somebody whose device is on most of the time.",

  fenced: "A newer device of yours took over from this one. Use that one; this one writes nothing more.",
  alarms: {
    CIRCLE_FROZEN: () =>
      "The circle’s membership is frozen: an admin’s key was used twice. Files can be read and stored meanwhile; talk to the other admins.",
    DEVICE_TWICE: (member: string) =>
      `Two devices claim to be ${member}’s newest one. Ask ${member} which of them is the right one.`,
    CERTIFICATE_TWICE: (member: string) =>
      `${member}’s device names a certificate that is another member’s; it is not let in with that. Ask ${member} about it.`,
  } as Record<string, (member: string) => string>,
  changes: {
    JOINS: (member: string) => `${member} joins the circle.`,
    RETURNS: (member: string) => `${member} comes back to the circle.`,
    LEAVES: (member: string) => `${member} leaves the circle.`,
    EXPELLED: (member: string) => `${member} is removed from the circle.`,
    COMPROMISED: (member: string) => `${member}’s device is cut off as compromised.`,
    NEW_WORDS: (member: string) => `${member} has new words.`,
    NOTHING: () => "Nothing changes.",
  } as Record<string, (member: string) => string>,
  refusals: {
    CIRCLE_UNKNOWN: "it does not know its circle yet",
    NO_CIRCLE: "it is in no circle yet",
    DEVICE_LEAVING: "it is leaving the circle",
    DEVICE_EXPELLED: "it was removed from the circle",
    DEVICE_COMPROMISED: "it was cut off as compromised",
    DISK_FULL: "its disk is full up to its reserve",
    OFFER_USED: "all the room that it gives is used",
  } as Record<string, string>,
  alarm: "Somebody should look at this",
  unheard: (count: number) =>
    n(count, "One member", "# members") +
    " still have to answer after the recovery. Until then nothing new is stored.",
  pair: "You are two, so nothing may be lost: if one device fails, files may be gone. Invite a third.",

  mayFall: "How many devices can you lose?",
  mayFallWords: "Switch members off to see what your files would survive.",
  ringOf: (here: string) => `This device in the middle, around it ${here}.`,
  ringAway: (names: string) => `Away: ${names}.`,
  switchOff: (name: string) => `${name} is on`,
  reset: "Switch all back on",
  allStand: (survives: number) =>
    survives > 0
      ? `All your files survive the loss of any ${survives === 1 ? "device" : `${survives} devices`}.`
      : "Not all of your files would survive the loss of a device.",
  bear: (fallen: number, left: number) =>
    `Without ${fallen === 1 ? "this device" : `these ${fallen} devices`} all your files can be read, and survive the loss of ` +
    `${left === 1 ? "any one" : `any ${left}`} more.`,
  edge: (fallen: number) =>
    `Without ${fallen === 1 ? "this device" : `these ${fallen} devices`} all your files can be read, but one more loss may destroy some.`,
  beyond: (missing: number) =>
    `That may be too many at once: some files may be unreadable until ${missing === 1 ? "one of these devices is" : `${missing} of these devices are`} back.`,
  would: { safe: "Still safe", risk: "At the edge", act: "Too many" },
  atOnce: "If they fail one after the other, days apart, each loss is repaired before the next.",

  members: "Members",
  admin: "Admin",
  unattested: "Unattested",
  unattestedWords: "What software this device runs was not proven by a security chip.",
  policy: {
    off: "Your circle does not ask for such a proof yet.",
    preferred: "Your circle prefers members that prove it.",
    required: "Your circle stores new fragments only with members that prove it.",
  } as Record<string, string>,
  chip: {
    MEMBER_COMPROMISED: "Cut off",
    MEMBER_EXPELLED: "Removed",
    MEMBER_LEAVING: "Leaving",
    MEMBER_DAMAGED: "Damaged pieces",
    MEMBER_MISSED_BLOCKS: "Failed a check",
    MEMBER_SILENT: "No answer now",
    MEMBER_AWAY: "Away",
    MEMBER_AWAY_LONG: "Away long",
    MEMBER_ASKS_BACK: "Needs room",
    MEMBER_FULL: "Full",
    MEMBER_WELL: "Here",
    MEMBER_UNCHECKED: "Here",
  } as Record<string, string>,

  figures: "Figures",
  awaySince: "Away since",
  heard: "Last heard",
  availability: "Answered, of the last 30 days",
  unknownYet: "not known yet",
  audit: "Last audit",
  auditBlocks: (read: number, failed: number) =>
    n(read, "# block read", "# blocks read") +
    (failed ? `, ${n(failed, "# was wrong", "# were wrong")}` : ", all right"),
  lastFailure: "Last wrong block",
  mine: "Yours, kept there",
  certain: "Reserved for you",
  given: "Gives to the circle",
  usedThere: "Of that in use, by everyone",
  damagedThere: "Damaged there",
  asksFor: "Asks you to move",
  address: "Address",
  generation: "Device",
  generationWords: (count: number) => (count === 1 ? "the first" : `number ${count}, after a recovery`),
  invitedBy: "Invited by",
  notice: {
    evict: (until: string) => `Needs back what you borrowed, by ${until}. Nothing is deleted.`,
    full: (until: string) => `Its disk is full: it needs room back by ${until}. Nothing is deleted.`,
    leaving: (until: string) =>
      `It is leaving: until ${until} it still keeps your files and gives them back.`,
  } as Record<string, (until: string) => string>,
  repairNow: "Rebuild what is missing now",
  repairing: "What is missing is being rebuilt.",
  remove: (name: string) => `Remove ${name}`,
  leave: "Leave the circle",
  onlyAdmins: "Only admins can invite and remove members.",
  roleWords:
    "Admins let members in and take them out: the founder and the next two who joined. A change needs most of them.",

  removeTitle: (name: string) => `Remove ${name}?`,
  leaveTitle: "Leave this circle?",
  how: "Why is it leaving?",
  leaving: "It leaves on good terms",
  leavingShort: "Moved away, a new device, a goodbye.",
  expelled: "It has to be removed",
  expelledShort: "Broken for good, or no longer trusted with new files.",
  compromised: "It was stolen or taken over",
  compromisedShort: "Somebody else may be in control of it.",
  consequences: {
    leaving: (name: string): [string, string][] => [
      [
        "Your files",
        `What ${name} keeps of yours moves to the others. For 90 days it still gives it back and helps to heal.`,
      ],
      [
        "Its files",
        `Nothing new of ${name} is stored here. What it has here it can fetch for 90 days, and it is deleted a year after that.`,
      ],
      ["Undo", "Invite it again until then: everything is found as it was."],
    ],
    expelled: (name: string): [string, string][] => [
      [
        "Your files",
        `What ${name} keeps of yours moves to the others, as far as it answers; the rest is rebuilt from the others.`,
      ],
      [
        "Its files",
        `Nothing new of ${name} is taken. For 90 days it may fetch what it has here; a year after the removal that is deleted.`,
      ],
      ["Undo", "Invite it again within that year: everything is found as it was."],
    ],
    compromised: (name: string): [string, string][] => [
      [
        "Your files",
        `${name} may read and write nothing any more, from this moment. What it keeps of yours counts as lost and is rebuilt on others.`,
      ],
      [
        "Its files",
        "Nothing that its owner has here is deleted. With the 24 recovery words the owner comes back on another device.",
      ],
      ["Undo", "Not for this device: it stays out for good. Its owner is welcome on another one."],
    ],
  },
  leaveConsequences: [
    [
      "Your files",
      "Nothing new of yours is stored. For 90 days you can fetch what you have with the others; it is deleted a year after that. Copy what you need to another place first.",
    ],
    ["The others’ files", "This device goes on giving back what it keeps, for 90 days. Leave it on so long."],
    ["Undo", "Let somebody of the circle invite you again until then: everything is found as it was."],
  ] as [string, string][],
  nowSurvives: "At the moment:",
  admins: (count: number) =>
    count > 1
      ? `This takes effect once most of the ${count} admins have agreed; yours is the first voice.`
      : "This takes effect at once.",
  leaveAdmins: "This takes effect once most of the admins have agreed.",
  removed: (name: string) => `${name} is no longer in the circle.`,
  proposed: (count: number) =>
    n(count, "Proposed. One more admin must agree.", "Proposed. # more admins must agree."),
  leftSoon: "Proposed. The admins must agree.",

  proposals: "Waiting for the admins",
  proposalsWords: "Changes to the circle take effect once most admins have agreed, each on their own device.",
  wanted: (count: number) => n(count, "One more signature is needed", "# more signatures are needed"),
  consentMeans:
    "Your agreement takes this member out. What that does to files is told where a member is removed; talk to the other admins first.",
  bySelf: "Your device agrees to this by itself when it is unlocked.",
  approve: "Agree",
  approved: "You have agreed.",

  invitations: "Invitations",
  invitationsNone: "No invitations yet. An invitation lets one person in, once.",
  invitationsWords: "Each lets one person in, once, within a day.",
  unnamed: "Without a note",
  state: {
    open: "Open",
    accepted: "Accepted, waits for the admins",
    used: "Used",
    expired: "Expired",
    revoked: "Revoked",
  } as Record<string, string>,
  expires: "Ends in",
  cameIn: (name: string) => `${name} joined with it`,
  revoke: "Revoke",
  revoked: "The invitation lets nobody in any more.",
  older: (count: number) => n(count, "Show # older one", "Show # older ones"),

  inviteTitle: "Invite somebody",
  inviteWords:
    "Invite people whom you would trust with a sealed box: they keep pieces of your files and cannot read them. You keep theirs.",
  note: "Who is it for?",
  noteHelp: "Only you see this, in the list of invitations. You can leave it empty.",
  lifetime: "How long it is valid",
  hours: (count: number) => n(count, "# hour", "# hours"),
  make: "Make the invitation",
  made: "The invitation is ready",
  madeWords: "It is shown only now. Send it to one person, in a way that nobody else can read.",
  toSend: "Text to send",
  letter: (link: string, until: string) =>
    [
      "Join my Piccolo circle: we keep each other’s files, encrypted.",
      "1. Plug your Piccolo in and connect it to your network at home.",
      "2. On a computer or phone in the same network, open https://piccolo.local and set the device up. If that does not open, use the address that your router shows for it.",
      "3. Choose “Join with an invitation” and paste this whole message.",
      `It works once, until ${until}:`,
      link,
    ].join("\n"),
  whyLetter:
    "A link alone would open nothing: nobody knows yet at which address the other device will be. So the text says where to go.",
  share: "Share",
  together: "You are in the same room?",
  togetherWords:
    "Where the other device asks for the invitation, scan this with its camera button, or type the code.",
  code: "Code",
  qr: "QR code of the invitation",
  over: "This invitation has ended. Make another one.",
  waiting: "Waiting for somebody to join.",
  accepted: "Somebody accepted it; the admins’ devices are letting them in.",
  joined: (name: string) => `${name} is in the circle.`,

  keeping: "What this device keeps for others",
  keepingWords: "Encrypted pieces of the others’ files. Nobody can read them here.",
  keptForOthers: "Kept for others",
  stillFree: "Still free for others",
  offer: (size: string) => `You give the circle ${size}.`,
  diskFree: (size: string) => `The disk has ${size} free.`,
  diskShort: "That is less than you promise: the disk fills before the offer does.",
  refusing: "Takes nothing new",
  damagedHere: (count: number) =>
    n(count, "# piece is damaged here", "# pieces are damaged here") +
    "; their owners put them here anew. If this happens again, replace the disk.",
  nobodyYet: "Nobody keeps anything here yet.",
  former: "A former member",
  scrub: "Checking the disk",
  scrubWords: "Every two weeks your device reads everything it keeps, to find what its disk has lost.",
  scrubLast: (when: string, damaged: number) =>
    `Last time: ${when}. ` +
    (damaged ? n(damaged, "# piece was damaged.", "# pieces were damaged.") : "Everything was fine."),
  scrubNever: "Not done yet.",
  scrubNow: "Check the disk now",
  scrubStarted: "Everything is being read.",

  contacts: "Contacts to print",
  contactsWords:
    "With these lines and your 24 words your files come back even if the cloud is gone. Print them, keep them with the words, and print them anew when members come, go or get another device.",
  contactsNone: "No other member has told an address yet. Come back when one is online.",
  contactsOpen: "Show and print the contacts",
  withoutCloud: "Without the cloud",
  withoutCloudWords:
    "A sheet with the addresses of your circle, to be kept with the words: with both, your files come back even if the cloud is gone.",
  contactsText: "As text",
  print: "Print",
  contactsCircle: "The circle",
  contactsDate: (when: string) => `As of ${when}`,
};
