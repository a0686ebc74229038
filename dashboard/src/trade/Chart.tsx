import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show } from "solid-js";

import type { Order } from "../api/client";
import { decimals } from "../instruments";
import { onKey } from "../keys";
import { account } from "../live/account";
import { onPrint, type Print } from "../live/market";
import { onConnected, staleFor } from "../live/socket";
import * as format from "../number";
import { type Indicator, preferences, setPreferences } from "../preferences";
import { text } from "../texts";
import { addPrint, type Candle, firstInterval, INTERVALS, loadBars, secondsOf } from "./bars";
import type { ChartEngine, Line } from "./ChartEngine";
import { lineOf, OrderHandles } from "./OrderHandles";

const SETTLED_AFTER_MS = 3_000;
const TABLE_ROWS = 10;
const INDICATORS: [Indicator, string][] = [
  ["ema20", "EMA 20"],
  ["ema50", "EMA 50"],
  ["vwap", "VWAP"],
];

/** Candles, volume, indicators, own orders and fills of a symbol. */
export function Chart(props: { symbol: string }) {
  let container: HTMLDivElement | undefined;
  const [engine, setEngine] = createSignal<ChartEngine | null>(null);
  const [interval, setInterval_] = createSignal(preferences.interval);
  const [candles, setCandles] = createSignal<Candle[]>([], { equals: false });
  const [failed, setFailed] = createSignal(false);
  const [isLoaded, setLoaded] = createSignal(false);
  const [isPlacing, setPlacing] = createSignal(false);
  const [dragged, setDragged] = createSignal<{ id: string; price: number } | null>(null);
  const orders = createMemo(() =>
    account.orders.filter((order) => order.symbol === props.symbol && lineOf(order) !== null),
  );
  /** Counts what was requested, so that a response to an earlier request is not used. */
  let generation = 0;
  const position = () => account.portfolio?.positions.find((each) => each.symbol === props.symbol);

  onMount(async () => {
    const { ChartEngine } = await import("./ChartEngine");
    if (isDisposed) return;
    const made = new ChartEngine(container!, () => void loadOlder());
    made.onClick((price) => {
      if (!isPlacing()) return;
      const known = preferences.levels[props.symbol] ?? [];
      setPreferences("levels", props.symbol, [...known, Number(price.toFixed(decimals(props.symbol)))]);
      setPlacing(false);
    });
    setEngine(made);
  });
  let isDisposed = false;
  onCleanup(() => {
    isDisposed = true;
    generation++;
    const made = engine();
    setEngine(null);
    made?.remove();
  });

  const load = async () => {
    const symbol = props.symbol;
    if (!symbol) return;
    const mine = ++generation;
    try {
      const name = interval() || (await firstInterval(symbol));
      const found = await loadBars(symbol, name);
      if (mine !== generation) return;
      if (!interval()) setInterval_(name);
      setFailed(false);
      setLoaded(true);
      setCandles(found);
      engine()?.setPrecision(decimals(symbol));
      engine()?.setCandles(found, true);
    } catch {
      if (mine === generation) setFailed(true);
    }
  };

  let isLoadingOlder = false;
  let hasOlder = true;
  const loadOlder = async () => {
    const first = candles()[0];
    if (isLoadingOlder || !hasOlder || !first) return;
    isLoadingOlder = true;
    const mine = generation;
    try {
      const older = await loadBars(props.symbol, interval(), 500, first.time);
      if (mine !== generation) return;
      hasOlder = older.length > 0;
      if (hasOlder) {
        const all = [...older, ...candles()];
        setCandles(all);
        engine()?.setCandles(all, false);
      }
    } catch {
      hasOlder = false;
    } finally {
      isLoadingOlder = false;
    }
  };

  /** Replace the latest candles by the exchange's bars: late trades and volume are then exact. */
  const settle = async () => {
    const mine = generation;
    try {
      const bars = await loadBars(props.symbol, interval(), 3);
      if (mine !== generation) return;
      const list = candles();
      const current = list.at(-1);
      for (const bar of bars) {
        const index = list.findLastIndex((candle) => candle.time === bar.time);
        if (index >= 0 && list[index] !== current) list[index] = bar;
      }
      setCandles(list);
      engine()?.setCandles(list, false);
    } catch {
      // The next interval tries again.
    }
  };

  // The chart reloads for another symbol or interval, when the canvas is ready, and after a lost connection.
  createEffect(
    on([() => props.symbol, interval, engine], () => {
      hasOlder = true;
      if (interval() || !isLoaded()) void load();
    }),
  );
  let isFirst = true;
  onCleanup(onConnected(() => (isFirst ? (isFirst = false) : void load())));

  let frame = 0;
  let changed: Candle | null = null;
  const draw = () => {
    frame = 0;
    if (changed) engine()?.update(changed);
    changed = null;
  };
  const add = (print: Print) => {
    const list = candles();
    if (!interval() || !isLoaded()) return;
    const count = list.length;
    const candle = addPrint(list, print, secondsOf(interval()));
    if (!candle) return;
    if (list.length > count) {
      if (changed) draw();
      if (count) setTimeout(() => void settle(), SETTLED_AFTER_MS);
      setCandles(list);
    }
    changed = candle;
    frame ||= requestAnimationFrame(draw);
  };
  createEffect(on(() => props.symbol, (symbol) => onCleanup(onPrint(symbol, add))));
  onCleanup(() => cancelAnimationFrame(frame));

  createEffect(() => {
    void preferences.theme;
    engine()?.applyTheme();
  });
  createEffect(() => engine()?.setIndicators([...preferences.indicators]));
  createEffect(() => {
    void candles();
    const own = account.fills.filter((fill) => fill.symbol === props.symbol);
    engine()?.setFills(own, secondsOf(interval()));
  });
  createEffect(() => {
    const lines: Line[] = orders().map((order: Order) => ({
      key: order.id,
      price: dragged()?.id === order.id ? dragged()!.price : Number(lineOf(order)),
      color: order.side === "buy" ? "--up" : "--down",
      title: "",
    }));
    const average = position()?.average_price;
    if (average) lines.push({ key: "average", price: Number(average), color: "--accent", title: text.averagePrice });
    for (const level of preferences.levels[props.symbol] ?? []) {
      lines.push({ key: `level ${level}`, price: level, color: "--warn", title: "", isSolid: true });
    }
    engine()?.setLines(lines);
  });

  const chooseInterval = (name: string) => {
    setPreferences("interval", name);
    setInterval_(name);
  };
  const ends = [
    ...INTERVALS.map(([name], index) => onKey(String(index + 1), () => chooseInterval(name))),
    onKey("Alt+r", () => engine()?.fit()),
  ];
  onCleanup(() => ends.forEach((end) => end()));
  const toggle = (name: Indicator) =>
    setPreferences("indicators", (names) =>
      names.includes(name) ? names.filter((each) => each !== name) : [...names, name],
    );

  return (
    <section class="panel h-full" aria-label={text.chart} data-testid="chart">
      <div class="panel-head gap-1 overflow-x-auto px-2">
        <div role="radiogroup" aria-label={text.interval} class="flex">
          <For each={INTERVALS}>
            {([name]) => (
              <button role="radio" class="chip px-1.5" aria-checked={interval() === name} onClick={() => chooseInterval(name)}>
                {name}
              </button>
            )}
          </For>
        </div>
        <span class="bg-line mx-1 h-4 w-px shrink-0" />
        <For each={INDICATORS}>
          {([name, label]) => (
            <button
              class="chip px-1.5 whitespace-nowrap"
              aria-pressed={preferences.indicators.includes(name)}
              onClick={() => toggle(name)}
            >
              {label}
            </button>
          )}
        </For>
        <span class="bg-line mx-1 h-4 w-px shrink-0" />
        <button
          class="chip px-1.5 whitespace-nowrap"
          aria-pressed={isPlacing()}
          title={text.addLevelHint}
          onClick={() => setPlacing(!isPlacing())}
        >
          {text.addLevel}
        </button>
        <Show when={preferences.levels[props.symbol]?.length}>
          <button class="chip px-1.5 whitespace-nowrap" onClick={() => setPreferences("levels", props.symbol, [])}>
            {text.removeLevels}
          </button>
        </Show>
        <a
          class="text-muted hover:text-ink ml-auto pl-3 text-[0.625rem] whitespace-nowrap max-lg:hidden"
          href="https://www.tradingview.com/"
          target="_blank"
          rel="noopener noreferrer"
        >
          {text.chartCredit}
        </a>
      </div>
      <div class="relative min-h-0 flex-1" classList={{ stale: staleFor() > 0, "cursor-crosshair": isPlacing() }}>
        <div ref={container} class="absolute inset-0" role="img" aria-label={text.chartLabel(props.symbol)} />
        <Show when={engine()}>
          {(ready) => (
            <OrderHandles
              orders={orders()}
              engine={ready()}
              onDrag={(id, price) => setDragged(price === null ? null : { id, price })}
            />
          )}
        </Show>
        <Show when={failed() || (isLoaded() && candles().length === 0)}>
          <div class="text-muted absolute inset-0 z-3 flex flex-col items-center justify-center gap-3 p-6 text-center text-xs">
            {failed() ? text.unreachable : text.chartEmpty}
            <Show when={failed()}>
              <button class="button" onClick={() => void load()}>
                {text.retry}
              </button>
            </Show>
          </div>
        </Show>
        <table class="sr-only">
          <caption>{text.chartTable}</caption>
          <tbody>
            <For each={candles().slice(-TABLE_ROWS)}>
              {(candle) => (
                <tr>
                  <th scope="row">{format.time(new Date(candle.time * 1000).toISOString())}</th>
                  <td>{format.price(candle.close, decimals(props.symbol))}</td>
                  <td>{format.quantity(candle.volume)}</td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </div>
    </section>
  );
}
