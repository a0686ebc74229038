// Decimal strings of the API as text for people. Amounts are shown through Number: 15 digits are enough to read, and
// every amount that is sent is the text that the person typed.

const formats = new Map<string, Intl.NumberFormat>();

function format(minimum: number, maximum: number): Intl.NumberFormat {
  const key = `${minimum}:${maximum}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.NumberFormat("en-US", { minimumFractionDigits: minimum, maximumFractionDigits: maximum });
    formats.set(key, found);
  }
  return found;
}

export const NONE = "—";

type Amount = string | number | null | undefined;

function parsed(value: Amount): number | null {
  if (value === null || value === undefined || value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** Decimals of a tick: "0.01" has 2. */
export function decimalsOf(tick: string | undefined): number {
  if (!tick) return 2;
  return tick.includes(".") ? tick.replace(/0+$/, "").split(".")[1]?.length ?? 0 : 0;
}

export function price(value: Amount, decimals = 2): string {
  const number = parsed(value);
  return number === null ? NONE : format(decimals, Math.max(decimals, 4)).format(number);
}

export function quantity(value: Amount): string {
  const number = parsed(value);
  return number === null ? NONE : format(0, 6).format(number).replace("-", "−");
}

export function money(value: Amount): string {
  const number = parsed(value);
  return number === null ? NONE : format(2, 2).format(number);
}

/** With its sign, so that color is not the only mark of profit and loss. */
export function signed(value: Amount, decimals = 2): string {
  const number = parsed(value);
  if (number === null) return NONE;
  const text = format(decimals, decimals).format(Math.abs(number));
  if (Number(text.replaceAll(",", "")) === 0) return text;
  return number > 0 ? `+${text}` : `−${text}`;
}

export function percent(value: number | null | undefined, decimals = 2): string {
  return value === null || value === undefined || !Number.isFinite(value) ? NONE : `${signed(value, decimals)} %`;
}

/** 12,345 becomes 12.3K. */
export function compact(value: Amount): string {
  const number = parsed(value);
  if (number === null) return NONE;
  const size = Math.abs(number);
  if (size >= 1e9) return `${format(2, 2).format(number / 1e9)}B`;
  if (size >= 1e6) return `${format(2, 2).format(number / 1e6)}M`;
  if (size >= 1e4) return `${format(1, 1).format(number / 1e3)}K`;
  return format(0, 2).format(number);
}

export function toneOf(value: Amount): string {
  const number = parsed(value) ?? 0;
  return number > 0 ? "text-up" : number < 0 ? "text-down" : "text-muted";
}

export function arrowOf(value: Amount): string {
  const number = parsed(value) ?? 0;
  return number > 0 ? "▲" : number < 0 ? "▼" : "";
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });

export function time(at: string | null | undefined): string {
  return at ? clock.format(new Date(at)) : NONE;
}

/** The time of today, else day and time. */
export function moment(at: string | null | undefined): string {
  if (!at) return NONE;
  const date = new Date(at);
  const today = new Date().toDateString() === date.toDateString();
  return today ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

const fullDay = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

export function date(at: string | null | undefined): string {
  return at ? fullDay.format(new Date(at)) : NONE;
}

/** `price` moved by whole ticks, as text with the tick's decimals. */
export function step(value: string | number, tick: string, by: number): string {
  const size = Number(tick) || 0.01;
  const moved = Math.round(Number(value) / size + by) * size;
  return Math.max(moved, 0).toFixed(decimalsOf(tick));
}
