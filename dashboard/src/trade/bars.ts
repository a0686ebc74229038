// Candles of the chart: bars of the API, continued by trades as they happen.

import { api, type Bar, done } from "../api/client";
import type { Print } from "../live/market";

/** Intervals of the chart and their seconds. Every exchange serves these, with or without an analytics store. */
export const INTERVALS = [
  ["5s", 5],
  ["1m", 60],
  ["5m", 300],
  ["15m", 900],
  ["1h", 3_600],
  ["1d", 86_400],
] as const;
export type IntervalName = (typeof INTERVALS)[number][0];

export const BARS_PER_PAGE = 500;
const FEW_BARS = 30;
const DAY_S = 86_400;

export interface Candle {
  /** Start in seconds since the epoch. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  /** Sum of price × quantity. */
  turnover: number;
}

export const secondsOf = (name: string): number => INTERVALS.find(([each]) => each === name)?.[1] ?? 60;

function candleOf(bar: Bar): Candle {
  return {
    time: Math.floor(Date.parse(bar.start) / 1000),
    open: Number(bar.open),
    high: Number(bar.high),
    low: Number(bar.low),
    close: Number(bar.close),
    volume: Number(bar.volume),
    turnover: Number(bar.vwap) * Number(bar.volume),
  };
}

/** The last bars, oldest first; those before `end` (seconds) if it is given. */
export async function loadBars(symbol: string, interval: string, limit = BARS_PER_PAGE, end?: number): Promise<Candle[]> {
  const range =
    end === undefined
      ? {}
      : {
          end: new Date(end * 1000).toISOString(),
          start: new Date((end - limit * secondsOf(interval)) * 1000).toISOString(),
        };
  const query = { interval, source: "all" as const, limit, ...range };
  const page = await done(api.GET("/api/v1/market-data/bars/{symbol}", { params: { path: { symbol }, query } }));
  return page.items.map(candleOf);
}

/** One minute; five seconds while the exchange has few bars of one minute, so that a new chart is not empty. */
export async function firstInterval(symbol: string): Promise<IntervalName> {
  return (await loadBars(symbol, "1m", FEW_BARS)).length < FEW_BARS ? "5s" : "1m";
}

/** Add a trade to the last candle, or begin the next. Returns the candle that changed; null for an old trade. */
export function addPrint(candles: Candle[], print: Print, seconds: number): Candle | null {
  const time = Math.floor(Date.parse(print.at) / 1000 / seconds) * seconds;
  const last = candles[candles.length - 1];
  const { price, quantity } = print;
  if (last && time < last.time) return null;
  if (!last || time > last.time) {
    const candle = { time, open: price, high: price, low: price, close: price, volume: quantity, turnover: price * quantity };
    candles.push(candle);
    return candle;
  }
  last.high = Math.max(last.high, price);
  last.low = Math.min(last.low, price);
  last.close = price;
  last.volume += quantity;
  last.turnover += price * quantity;
  return last;
}

export interface Point {
  time: number;
  value: number;
}

/** The exponential moving average of the closes: its weight is 2 / (length + 1). */
export function ema(candles: Candle[], length: number): Point[] {
  const weight = 2 / (length + 1);
  let value = candles[0]?.close ?? 0;
  return candles.map((candle) => {
    value += (candle.close - value) * weight;
    return { time: candle.time, value };
  });
}

/** The volume-weighted average price since the start of the day (UTC). */
export function vwap(candles: Candle[]): Point[] {
  let day = -1;
  let turnover = 0;
  let volume = 0;
  return candles.map((candle) => {
    const today = Math.floor(candle.time / DAY_S);
    if (today !== day) [day, turnover, volume] = [today, 0, 0];
    turnover += candle.turnover;
    volume += candle.volume;
    return { time: candle.time, value: volume > 0 ? turnover / volume : candle.close };
  });
}
