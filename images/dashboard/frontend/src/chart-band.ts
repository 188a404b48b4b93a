// The stretch that is being marked on a chart, by a drag or by Shift and arrow keys: which buckets, and where they are.

const DRAG_PX = 8; // less is a click by an unsteady hand

export interface Marked {
  from: number;
  to: number;
}

export class ChartBand {
  private readonly box = document.createElement("div");
  private start = -1; // bucket
  private end = -1;
  private x = 0;
  private pointer = -1; // that may become, or is, a drag

  constructor(private readonly host: HTMLElement) {
    this.box.className = "chart-band";
    this.box.hidden = true;
    host.append(this.box);
  }

  get marked(): Marked | null {
    return this.box.hidden ? null : { from: Math.min(this.start, this.end), to: Math.max(this.start, this.end) };
  }

  get dragging(): boolean {
    return this.pointer >= 0 && !this.box.hidden;
  }

  // Fingers scroll the page and move the tooltip; they mark nothing.
  press(event: PointerEvent, bucket: number): void {
    this.clear();
    if (event.pointerType === "touch" || event.button !== 0) return;
    this.pointer = event.pointerId;
    this.x = event.clientX;
    this.start = bucket;
  }

  // Whether the pointer is marking.
  drag(event: PointerEvent, bucket: number): boolean {
    if (event.pointerId !== this.pointer) return false;
    if (this.box.hidden && Math.abs(event.clientX - this.x) < DRAG_PX) return false;
    if (this.box.hidden) this.host.setPointerCapture(event.pointerId);
    this.end = bucket;
    this.box.hidden = false;
    return true;
  }

  extend(from: number, to: number): void {
    if (this.box.hidden) this.start = from;
    this.end = to;
    this.box.hidden = false;
  }

  draw(left: number, right: number, height: number): void {
    this.box.style.left = `${Math.round(left)}px`;
    this.box.style.width = `${Math.round(right - left)}px`;
    this.box.style.height = `${height}px`;
  }

  clear(): void {
    this.box.hidden = true;
    this.pointer = -1;
  }
}
