// What every page loads: fragments, menus, keys, the live count, preferences, copying. Charts come after paint.

import { listenToFragments } from "./fragments.ts";
import { listenToKeys } from "./keys.ts";
import { LiveCount } from "./live.ts";
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
customElements.define("live-count", LiveCount);

const module = document.querySelector<HTMLElement>("[data-chart-module]")?.dataset["chartModule"];
if (module) void import(module);
