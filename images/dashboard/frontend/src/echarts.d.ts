// ECharts publishes no types for its single families; importing them one by one keeps the bundle small.

declare module "echarts/lib/chart/bar/install.js" {
  export const install: (registers: unknown) => void;
}

declare module "echarts/lib/chart/line/install.js" {
  export const install: (registers: unknown) => void;
}

declare module "echarts/lib/component/grid/installSimple.js" {
  export const install: (registers: unknown) => void;
}

declare module "echarts/lib/renderer/installCanvasRenderer.js" {
  export const install: (registers: unknown) => void;
}
