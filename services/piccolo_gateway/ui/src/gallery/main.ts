/** Every component in every state, for those who build the page: an entry of its own, never in what is shipped. */

import "../styles/tokens.css";
import "../styles/base.css";
import "../state/theme.svelte";

import { mount } from "svelte";

import { i18n } from "../i18n/i18n.svelte";
import Gallery from "./Gallery.svelte";

const target = document.getElementById("app");
if (target) void i18n.load().then(() => mount(Gallery, { target }));
