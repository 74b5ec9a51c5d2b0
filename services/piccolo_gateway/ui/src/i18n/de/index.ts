import type { Messages } from "../i18n.svelte";
import { attention } from "./attention";
import { boot } from "./boot";
import { audit } from "./audit";
import { backups } from "./backups";
import { circle } from "./circle";
import { common } from "./common";
import { entry } from "./entry";
import { factors } from "./factors";
import { files } from "./files";
import { home } from "./home";
import { login } from "./login";
import { passphrase } from "./passphrase";
import { power } from "./power";
import { problems } from "./problems";
import { provision } from "./provision";
import { recovery } from "./recovery";
import { rotation } from "./rotation";
import { search } from "./search";
import { security } from "./security";
import { settings } from "./settings";
import { shell } from "./shell";
import { tokens } from "./tokens";
import { trash } from "./trash";
import { trust } from "./trust";
import { uploads } from "./uploads";
import { welcome } from "./welcome";
import { words } from "./words";

export const de: Messages = {
  attention,
  boot,
  audit,
  backups,
  circle,
  common,
  entry,
  factors,
  files,
  home,
  login,
  passphrase,
  power,
  problems,
  provision,
  recovery,
  rotation,
  search,
  security,
  settings,
  shell,
  tokens,
  trash,
  trust,
  uploads,
  welcome,
  words,
};
