// Loaded after paint on pages with charts: defines <chart-view> and the way back out of a zoom.

import { ChartView } from "./chart-view.ts";
import { ZoomBack } from "./zoom-back.ts";

customElements.define("zoom-back", ZoomBack);
customElements.define("chart-view", ChartView);
