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
    "Nothing that was stored is lost by that. Load the page anew; if it happens again, this helps whoever looks at it:",
  reload: "Load anew",
};
