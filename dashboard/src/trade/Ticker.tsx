import { createMemo, createResource, createSignal, onCleanup, Show } from "solid-js";

import { api, done } from "../api/client";
import { decimals, infoOf } from "../instruments";
import { markOf, onPrint, quoteOf } from "../live/market";
import { staleFor } from "../live/socket";
import * as format from "../number";
import { text } from "../texts";

interface Day {
  open: number;
  high: number;
  low: number;
  volume: number;
}

async function loadDay(symbol: string): Promise<Day | null> {
  if (!symbol) return null;
  const page = await done(
    api.GET("/api/v1/market-data/bars/{symbol}", {
      params: { path: { symbol }, query: { interval: "1d", source: "all", limit: 1 } },
    }),
  );
  const bar = page.items.at(-1);
  return bar
    ? { open: Number(bar.open), high: Number(bar.high), low: Number(bar.low), volume: Number(bar.volume) }
    : null;
}

function Figure(props: { label: string; children: unknown; class?: string }) {
  return (
    <div class={`flex flex-col whitespace-nowrap ${props.class ?? ""}`}>
      <span class="text-muted text-[0.625rem] leading-3.5">{props.label}</span>
      <span class="text-xs leading-4 font-medium">{props.children as never}</span>
    </div>
  );
}

/** Symbol, last price and the figures of the day. */
export function Ticker(props: { symbol: string; onSearch: () => void }) {
  const [loadedDay] = createResource(() => props.symbol, loadDay);
  const [day, setDay] = createSignal<Day | null>(null);
  const [now, setNow] = createSignal(Date.now());
  const clock = setInterval(() => setNow(Date.now()), 1_000);
  onCleanup(() => clearInterval(clock));
  const quote = createMemo(() => quoteOf(props.symbol), undefined, { equals: false });
  // The day's figures follow the trades; the request at the start has what came before.
  createMemo(() => setDay(loadedDay.state === "ready" ? (loadedDay() ?? null) : null));
  createMemo(() => {
    const end = onPrint(props.symbol, (print) =>
      setDay((known) => ({
        open: known?.open ?? print.price,
        high: Math.max(known?.high ?? print.price, print.price),
        low: Math.min(known?.low ?? print.price, print.price),
        volume: (known?.volume ?? 0) + print.quantity,
      })),
    );
    onCleanup(end);
  });
  const last = () => markOf(quote());
  const change = () => {
    const [price, from] = [last(), day()];
    return price === null || !from ? null : { by: price - from.open, percent: ((price - from.open) / from.open) * 100 };
  };
  const age = () => {
    const at = quote()?.last_at;
    return at ? Math.max(0, Math.round((now() - Date.parse(at)) / 1000)) : null;
  };
  const places = () => decimals(props.symbol);
  return (
    <div
      class="panel h-13 shrink-0 flex-row items-center gap-5 overflow-x-auto px-3 max-md:gap-4"
      classList={{ stale: staleFor() > 0 }}
    >
      <button
        class="hover:bg-raised flex shrink-0 items-center gap-2 rounded px-1.5 py-1 text-left"
        onClick={() => props.onSearch()}
        aria-label={`${text.search}: ${props.symbol}`}
        data-testid="symbol"
      >
        <span class="flex min-w-0 flex-col">
          <span class="flex items-center gap-1.5 text-sm leading-4 font-semibold">
            {props.symbol || "…"}
            <kbd class="border-line text-muted hidden rounded border px-1 text-[0.625rem] font-normal md:inline">/</kbd>
          </span>
          <span class="text-muted max-w-44 truncate max-md:max-w-24 text-[0.625rem] leading-3.5">{infoOf(props.symbol)?.name ?? " "}</span>
        </span>
      </button>
      <span
        class={`text-lg leading-6 font-semibold whitespace-nowrap ${format.toneOf(change()?.by)}`}
        data-testid="last"
      >
        {format.price(last(), places())} <span class="text-xs">{format.arrowOf(change()?.by)}</span>
      </span>
      <Figure label={text.change}>
        <span class={format.toneOf(change()?.by)}>
          {change() ? `${format.signed(change()!.by, places())} (${format.percent(change()!.percent)})` : format.NONE}
        </span>
      </Figure>
      <Figure label={text.high}>{format.price(day()?.high, places())}</Figure>
      <Figure label={text.low}>{format.price(day()?.low, places())}</Figure>
      <Figure label={text.volume}>{format.compact(day()?.volume)}</Figure>
      <Figure label={text.lastTrade} class="min-w-16">
        {age() === null ? format.NONE : age()! < 1 ? "now" : `${age()} s`}
      </Figure>
      <Show when={quote()?.halted}>
        <span class="badge border-warn text-warn" role="status">
          {text.halted}
        </span>
      </Show>
      <Show when={infoOf(props.symbol)?.calendar && infoOf(props.symbol)!.calendar !== "24/7"}>
        <Figure label={infoOf(props.symbol)!.calendar} class="max-xl:hidden">
          <span class="text-muted">
            {infoOf(props.symbol)!.in_regular_hours ? text.hours.open : text.hours.closed}
          </span>
        </Figure>
      </Show>
    </div>
  );
}
