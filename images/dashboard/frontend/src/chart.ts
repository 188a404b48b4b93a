// Loaded after paint on pages with charts: defines <chart-view>.

import { ChartView } from "./chart-view.ts";

customElements.define("chart-view", ChartView);
