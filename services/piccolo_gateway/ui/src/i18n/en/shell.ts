export const shell = {
  apps: "Apps",
  circle: "Circle",
  files: "Files",
  home: "Home",
  lost: "The device does not answer. Trying again.",
  main: "Main",
  settings: "Settings",
  skip: "Skip to the content",
  missing: "There is nothing here",
  missingWords: "The address may be mistyped, or what was here has moved. Nothing is lost by that.",
  toHome: "Go to Home",
  offline: "The device does not answer",
  offlineWords:
    "It may be starting, or this computer is on another network. Your files are safe with your circle meanwhile. This page goes on by itself as soon as it answers.",
  wrong: "Something went wrong",
  wrongWords:
    "A part of this page failed. Nothing that was stored is lost by that; only what was typed here and not saved yet may be gone. Load the page anew. If it happens again, give the number below to whoever helps you.",
  wrongTold: "For whoever helps you",
  reload: "Load anew",
};
