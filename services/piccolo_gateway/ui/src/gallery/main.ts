/** Every component in every state, for those who build the page: an entry of its own, never in what is shipped. */

import "../styles/tokens.css";
import "../styles/base.css";
import "../state/theme.svelte";

import { mount } from "svelte";

import Gallery from "./Gallery.svelte";

const target = document.getElementById("app");
if (target) mount(Gallery, { target });
