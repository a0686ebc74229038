// The canvas of the chart. Only this module knows lightweight-charts; it is loaded when the chart is first shown.

import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineSeries,
  LineStyle,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";

import type { Fill } from "../api/client";
import type { Indicator } from "../preferences";
import { type Candle, ema, type Point, vwap } from "./bars";

const MARKERS_MAX = 60;
const COLORS: Record<Indicator, string> = { ema20: "--accent", ema50: "--warn", vwap: "--muted" };

export interface Line {
  key: string;
  price: number;
  color: string;
  title: string;
  isSolid?: boolean;
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function translucent(name: string, percent: number): string {
  const hex = color(name);
  const alpha = Math.round(percent * 2.55).toString(16).padStart(2, "0");
  return `${hex}${alpha}`;
}

const local = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const hours = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export class ChartEngine {
  private readonly chart: IChartApi;
  private readonly series: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly lines = new Map<string, IPriceLine>();
  private readonly indicators = new Map<Indicator, ISeriesApi<"Line">>();
  private candles: Candle[] = [];

  constructor(container: HTMLElement, onScrolledToStart: () => void) {
    this.chart = createChart(container, {
      autoSize: true,
      // Its logo needs an inline style; the panel shows the credit as text.
      layout: { attributionLogo: false, fontFamily: "Inter, system-ui, sans-serif", fontSize: 11 },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.22 } },
      timeScale: {
        borderVisible: false,
        rightOffset: 6,
        barSpacing: 8,
        timeVisible: true,
        secondsVisible: false,
        tickMarkFormatter: (time: Time, type: number) => {
          const date = new Date((time as number) * 1000);
          return type <= 2 ? days.format(date) : type === 4 ? seconds.format(date) : hours.format(date);
        },
      },
      localization: { timeFormatter: (time: Time) => local.format(new Date((time as number) * 1000)) },
    });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.series = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.markers = createSeriesMarkers(this.series, []);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && range.from < 5 && this.candles.length) onScrolledToStart();
    });
    this.applyTheme();
  }

  applyTheme(): void {
    const [up, down] = [color("--up"), color("--down")];
    this.chart.applyOptions({
      layout: { background: { color: color("--panel") }, textColor: color("--muted") },
      grid: { vertLines: { color: translucent("--line", 55) }, horzLines: { color: translucent("--line", 55) } },
      crosshair: {
        vertLine: { color: color("--muted"), labelBackgroundColor: color("--accent-fill") },
        horzLine: { color: color("--muted"), labelBackgroundColor: color("--accent-fill") },
      },
    });
    this.series.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    for (const [name, series] of this.indicators) series.applyOptions({ color: color(COLORS[name]) });
    this.drawVolume();
  }

  setPrecision(decimals: number): void {
    this.series.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
  }

  setCandles(candles: Candle[], fit: boolean): void {
    this.candles = candles;
    this.series.setData(candles.map((candle) => ({ ...candle, time: candle.time as UTCTimestamp })));
    this.drawVolume();
    this.drawIndicators();
    if (fit) this.fit();
  }

  /** Draw the last candle again. */
  update(candle: Candle): void {
    const time = candle.time as UTCTimestamp;
    this.series.update({ ...candle, time });
    this.volume.update({ time, value: candle.volume, color: this.volumeColor(candle) });
    for (const [name, series] of this.indicators) {
      const last = this.pointsOf(name).at(-1);
      if (last) series.update({ time: last.time as UTCTimestamp, value: last.value });
    }
  }

  setIndicators(names: readonly Indicator[]): void {
    for (const [name, series] of this.indicators) {
      if (!names.includes(name)) {
        this.chart.removeSeries(series);
        this.indicators.delete(name);
      }
    }
    for (const name of names) {
      if (this.indicators.has(name)) continue;
      const options = { color: color(COLORS[name]), lineWidth: 1 as const, priceLineVisible: false };
      this.indicators.set(
        name,
        this.chart.addSeries(LineSeries, { ...options, lastValueVisible: false, crosshairMarkerVisible: false }),
      );
    }
    this.drawIndicators();
  }

  setLines(lines: Line[]): void {
    const wanted = new Map(lines.map((line) => [line.key, line]));
    for (const [key, line] of this.lines) {
      if (!wanted.has(key)) {
        this.series.removePriceLine(line);
        this.lines.delete(key);
      }
    }
    for (const line of lines) {
      const options = {
        price: line.price,
        color: color(line.color),
        title: line.title,
        lineWidth: 1 as const,
        lineStyle: line.isSolid ? LineStyle.Solid : LineStyle.Dashed,
        axisLabelVisible: true,
      };
      const known = this.lines.get(line.key);
      if (known) known.applyOptions(options);
      else this.lines.set(line.key, this.series.createPriceLine(options));
    }
  }

  setFills(fills: readonly Fill[], interval: number): void {
    const first = this.candles[0]?.time;
    if (first === undefined) return this.markers.setMarkers([]);
    const found: SeriesMarker<Time>[] = [];
    for (const fill of fills) {
      const time = Math.floor(Date.parse(fill.executed_at) / 1000 / interval) * interval;
      if (time < first || found.length === MARKERS_MAX) continue;
      const isBuy = fill.side === "buy";
      found.push({
        time: time as UTCTimestamp,
        position: isBuy ? "belowBar" : "aboveBar",
        shape: isBuy ? "arrowUp" : "arrowDown",
        color: color(isBuy ? "--up" : "--down"),
        size: 1,
      });
    }
    this.markers.setMarkers(found.sort((one, other) => (one.time as number) - (other.time as number)));
  }

  /** The pixel of a price; null if it cannot be shown. */
  yOf(price: number): number | null {
    return this.series.priceToCoordinate(price);
  }

  priceAt(y: number): number | null {
    return this.series.coordinateToPrice(y);
  }

  /** Width of the price scale, which handles of orders do not cover. */
  get scaleWidth(): number {
    return this.chart.priceScale("right").width();
  }

  fit(): void {
    const timeScale = this.chart.timeScale();
    const shown = 110;
    if (this.candles.length > shown) {
      timeScale.setVisibleLogicalRange({ from: this.candles.length - shown, to: this.candles.length + 6 });
    } else timeScale.resetTimeScale();
    this.chart.priceScale("right").applyOptions({ autoScale: true });
  }

  onClick(handler: (price: number) => void): void {
    this.chart.subscribeClick(({ point }) => {
      const price = point ? this.priceAt(point.y) : null;
      if (price !== null) handler(price);
    });
  }

  remove(): void {
    this.chart.remove();
  }

  private volumeColor(candle: Candle): string {
    return translucent(candle.close >= candle.open ? "--up" : "--down", 35);
  }

  private drawVolume(): void {
    this.volume.setData(
      this.candles.map((candle) => ({
        time: candle.time as UTCTimestamp,
        value: candle.volume,
        color: this.volumeColor(candle),
      })),
    );
  }

  private pointsOf(name: Indicator): Point[] {
    return name === "vwap" ? vwap(this.candles) : ema(this.candles, name === "ema20" ? 20 : 50);
  }

  private drawIndicators(): void {
    for (const [name, series] of this.indicators) {
      series.setData(this.pointsOf(name).map((point) => ({ time: point.time as UTCTimestamp, value: point.value })));
    }
  }
}
