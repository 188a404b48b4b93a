// What every page loads: fragments, menus, keys, the live count, preferences, copying. Charts come after paint, the palette
// when nothing else is to be done.

import { listenToFragments } from "./fragments.ts";
import { listenToKeys } from "./keys.ts";
import { LiveCount } from "./live.ts";
import { listenForPalette } from "./palette-opener.ts";
import { listenToMenus } from "./menus.ts";
import { listenToPreferences } from "./preferences.ts";
import { listenToCopies } from "./toasts.ts";
import { listenToNews } from "./news.ts";

listenToFragments();
listenToMenus();
listenToKeys();
listenToPreferences();
listenToCopies();
listenToNews();
listenForPalette();
customElements.define("live-count", LiveCount);

const module = document.querySelector<HTMLElement>("[data-chart-module]")?.dataset["chartModule"];
if (module) void import(module);
