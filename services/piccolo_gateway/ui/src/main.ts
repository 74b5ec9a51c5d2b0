import "./styles/tokens.css";
import "./styles/base.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { i18n } from "./i18n/i18n.svelte";
import { failures } from "./state/failures.svelte";
import { installWorker } from "./state/worker";

failures.listen();
const target = document.getElementById("app");
const first = document.getElementById("first");
/* the page is sent in no language: which one is wanted is known here only */
first?.querySelector("[role=status]")?.append(i18n.t.common.loading);
if (target) mount(App, { target, props: { first } });
void installWorker();
