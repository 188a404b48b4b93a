// Numbers, shares, changes, durations, dates and times as text. The twin of `formatting.py`; both are held by
// one table of cases. Rounding is half up on whole steps: `toFixed` sees binary halves, Python others.

export const NOTHING = "–";
const MINUS = "−";
const PERCENT = "\u202f%";
const COMPACT_FROM = 10_000;
const RELATIVE_UP_TO = 86_400;

type Value = number | null | undefined;

interface Unit {
  size: number;
  suffix: string;
}

interface Words {
  units: Unit[];
  decimals: number[]; // of compact counts, most first; the first that leaves three digits is taken
  new: string;
  points: string;
  seconds: string;
  minutes: string;
  hours: string;
  days: string;
  padded: boolean;
  months: string[];
  weekdays: string[];
  currencies: Record<string, string>;
}

const ENGLISH: Words = {
  units: [
    { size: 1e3, suffix: "K" },
    { size: 1e6, suffix: "M" },
    { size: 1e9, suffix: "B" },
    { size: 1e12, suffix: "T" },
  ],
  decimals: [2, 1],
  new: "new",
  points: " pp",
  seconds: "s",
  minutes: "m",
  hours: "h",
  days: "d",
  padded: true,
  months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
  weekdays: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
  currencies: { USD: "$", EUR: "€", GBP: "£", JPY: "¥", KRW: "₩" },
};

const KOREAN: Words = {
  units: [
    { size: 1e4, suffix: "만" },
    { size: 1e8, suffix: "억" },
    { size: 1e12, suffix: "조" },
  ],
  decimals: [1],
  new: "신규",
  points: "%p",
  seconds: "초",
  minutes: "분",
  hours: "시간",
  days: "일",
  padded: false,
  months: Array.from({ length: 12 }, (_, index) => `${index + 1}월`),
  weekdays: ["일", "월", "화", "수", "목", "금", "토"],
  currencies: { USD: "US$", EUR: "€", GBP: "£", JPY: "JP¥", KRW: "₩" },
};

export class Formatter {
  private readonly words: Words;

  constructor(language: string) {
    this.words = language === "ko" ? KOREAN : ENGLISH;
  }

  private get korean(): boolean {
    return this.words === KOREAN;
  }

  exact(value: Value): string {
    return value == null ? NOTHING : grouped(round(value));
  }

  count(value: Value): string {
    if (value == null) return NOTHING;
    const number = round(value);
    return Math.abs(number) >= COMPACT_FROM ? compact(number, this.words) : grouped(number);
  }

  ratio(value: Value): string {
    if (value == null) return NOTHING;
    return decimal(value, Math.abs(value) < 9.995 ? 2 : 1);
  }

  share(value: Value): string {
    return value == null ? NOTHING : percent(value * 100) + PERCENT;
  }

  conversion(value: Value): string {
    if (value == null || value <= 0 || value >= 0.00995) return this.share(value);
    return trimmed(value * 100, 2) + PERCENT;
  }

  change(value: Value, before: Value): string {
    if (value == null || before == null) return NOTHING;
    if (value === before) return "0" + PERCENT;
    if (before === 0) return this.words.new;
    const part = ((value - before) / Math.abs(before)) * 100;
    return signed(part) + percent(Math.abs(part)) + PERCENT;
  }

  points(value: Value, before: Value): string {
    if (value == null || before == null) return NOTHING;
    const tenths = round((value - before) * 1000);
    const sign = tenths === 0 ? "" : signed(tenths);
    return sign + decimal(Math.abs(tenths) / 10, 1) + this.words.points;
  }

  duration(seconds: Value): string {
    if (seconds == null) return NOTHING;
    const words = this.words;
    const whole = round(seconds);
    if (whole < 60) return `${whole}${words.seconds}`;
    if (whole < 3600) return `${div(whole, 60)}${words.minutes} ${this.second(whole % 60)}${words.seconds}`;
    if (whole < 86_400) {
      return `${div(whole, 3600)}${words.hours} ${this.second(div(whole % 3600, 60))}${words.minutes}`;
    }
    return `${grouped(div(whole, 86_400))}${words.days} ${div(whole % 86_400, 3600)}${words.hours}`;
  }

  money(value: Value, currency: string): string {
    if (value == null) return NOTHING;
    const symbol = this.words.currencies[currency] ?? `${currency} `;
    return (value < 0 ? MINUS : "") + symbol + this.count(Math.abs(value));
  }

  // Days are texts of the form 2026-11-22: the browser never computes one.
  day(text: string, year = false): string {
    const [full, month, day] = parts(text);
    const name = this.words.months[month - 1];
    if (this.korean) return year ? `${full}년 ${name} ${day}일` : `${name} ${day}일`;
    return year ? `${name} ${day}, ${full}` : `${name} ${day}`;
  }

  weekday(text: string, year = false): string {
    const [full, month, day] = parts(text);
    const name = this.words.weekdays[new Date(Date.UTC(full, month - 1, day)).getUTCDay()];
    const written = this.day(text, year);
    return this.korean ? `${written} (${name})` : `${name}, ${written}`;
  }

  month(text: string, year = false): string {
    const [full, month] = parts(text);
    const name = this.words.months[month - 1] ?? "";
    if (!year) return name;
    return this.korean ? `${full}년 ${name}` : `${name} ${full}`;
  }

  clock(text: string, hours = 24): string {
    const [hour = 0, minute = 0] = text.split(":").map(Number);
    const minutes = String(minute).padStart(2, "0");
    if (hours === 24) return `${String(hour).padStart(2, "0")}:${minutes}`;
    const face = `${((hour + 11) % 12) + 1}:${minutes}`;
    if (this.korean) return (hour < 12 ? "오전 " : "오후 ") + face;
    return face + (hour < 12 ? " AM" : " PM");
  }

  relative(seconds: number): string | null {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole >= RELATIVE_UP_TO) return null;
    if (whole < 60) return this.korean ? "방금" : "just now";
    if (whole < 3600) return this.korean ? `${div(whole, 60)}분 전` : `${div(whole, 60)} min ago`;
    return this.korean ? `${div(whole, 3600)}시간 전` : `${div(whole, 3600)} h ago`;
  }

  private second(value: number): string {
    return this.words.padded ? String(value).padStart(2, "0") : String(value);
  }
}

function parts(text: string): [number, number, number] {
  const [year = 0, month = 1, day = 1] = text.split("-").map(Number);
  return [year, month, day];
}

function div(value: number, by: number): number {
  return Math.floor(value / by);
}

function round(value: number): number {
  return value >= 0 ? Math.floor(value + 0.5) : -Math.floor(0.5 - value);
}

function grouped(number: number): string {
  const text = String(Math.abs(number)).replace(/\B(?=(\d{3})+$)/g, ",");
  return number < 0 ? MINUS + text : text;
}

function signed(value: number): string {
  return value < 0 ? MINUS : "+";
}

function decimal(value: number, decimals: number): string {
  const scale = 10 ** decimals;
  const scaled = round(value * scale);
  const size = Math.abs(scaled);
  const text = grouped(div(size, scale)) + (decimals ? `.${String(size % scale).padStart(decimals, "0")}` : "");
  return scaled < 0 ? MINUS + text : text;
}

function cut(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function trimmed(value: number, decimals: number): string {
  return cut(decimal(value, decimals));
}

function percent(value: number): string {
  if (value > 0 && value < 0.1) return "<0.1";
  return trimmed(value, value < 9.95 ? 1 : 0);
}

function compact(number: number, words: Words): string {
  const size = Math.abs(number);
  let index = words.units.findLastIndex((unit) => size >= unit.size);
  let unit = words.units[index] as Unit;
  const following = words.units[index + 1];
  if (following && steps(size, unit, 0) >= following.size / unit.size) {
    index += 1; // 999,950 is a million, not 1,000 thousands
    unit = following;
  }
  return (number < 0 ? MINUS : "") + inUnit(size, unit, words.decimals) + unit.suffix;
}

function steps(size: number, unit: Unit, decimals: number): number {
  const step = unit.size / 10 ** decimals;
  return Math.floor((size + Math.floor(step / 2)) / step);
}

function inUnit(size: number, unit: Unit, candidates: number[]): string {
  for (const decimals of candidates) {
    const count = steps(size, unit, decimals);
    if (count < 1000) {
      const scale = 10 ** decimals;
      return cut(`${div(count, scale)}.${String(count % scale).padStart(decimals, "0")}`);
    }
  }
  return grouped(steps(size, unit, 0));
}
