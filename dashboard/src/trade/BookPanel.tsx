import { createMemo, createSignal, For, Index, onCleanup, onMount, Show } from "solid-js";

import { decimals, tickOf } from "../instruments";
import { account } from "../live/account";
import { grouped, type Level } from "../live/book";
import { bookOf, quoteOf } from "../live/market";
import { staleFor } from "../live/socket";
import * as format from "../number";
import { preferences, setPreferences } from "../preferences";
import { text } from "../texts";
import { usePrice } from "./ticket";

const LEVELS_MAX = 20;
const GROUPS = [1, 2, 5, 10, 25, 50, 100];

interface Row {
  price: string;
  size: string;
  orders: number;
  total: string;
  depth: number;
  isOwn: boolean;
}

function Side(props: { rows: Row[]; side: "bids" | "asks" }) {
  const tone = () => (props.side === "asks" ? "text-down" : "text-up");
  return (
    <div
      class="flex shrink-0 overflow-hidden"
      classList={{ "flex-col-reverse": props.side === "asks", "flex-col": props.side === "bids" }}
      role="list"
      aria-label={text[props.side]}
      data-testid={props.side}
    >
      <Index each={props.rows}>
        {(row) => (
          <button
            role="listitem"
            class="hover:bg-raised relative grid h-5 shrink-0 grid-cols-3 items-center px-3 text-left text-xs"
            title={text.usePrice(row().price)}
            tabindex={-1}
            onClick={() => usePrice(row().price.replaceAll(",", ""))}
          >
            <span
              class="absolute inset-y-0 right-0 opacity-12 transition-none"
              classList={{ "bg-down": props.side === "asks", "bg-up": props.side === "bids" }}
              style={{ width: `${row().depth}%` }}
              aria-hidden="true"
            />
            <span class={`relative ${tone()}`}>
              {row().price}
              <Show when={row().isOwn}>
                <span class="text-accent absolute -left-2 text-[0.5rem]" title={text.openOrders} aria-label={text.openOrders}>
                  ●
                </span>
              </Show>
            </span>
            <span class="relative text-right">{row().size}</span>
            <span class="text-muted relative text-right">{row().total}</span>
          </button>
        )}
      </Index>
    </div>
  );
}

/** The order book: grouped levels with their cumulative quantity, best prices in the middle. */
export function BookPanel(props: { symbol: string }) {
  let body: HTMLDivElement | undefined;
  const [space, setSpace] = createSignal(LEVELS_MAX * 2);
  onMount(() => {
    const observer = new ResizeObserver(([entry]) => setSpace(Math.floor((entry!.contentRect.height - 30) / 20)));
    observer.observe(body!);
    onCleanup(() => observer.disconnect());
  });
  const perSide = () => {
    const sides = preferences.bookSide === "both" ? 2 : 1;
    return Math.max(1, Math.min(LEVELS_MAX, Math.floor(space() / sides)));
  };
  const size = () => Number(tickOf(props.symbol)) * preferences.grouping;
  const own = createMemo(() => {
    const prices = new Set<string>();
    for (const order of account.orders) {
      if (order.symbol === props.symbol && order.limit_price) {
        const round = order.side === "sell" ? Math.ceil : Math.floor;
        const offset = order.side === "sell" ? -1e-7 : 1e-7;
        prices.add(`${order.side} ${Math.round(round(Number(order.limit_price) / size() + offset))}`);
      }
    }
    return prices;
  });
  const levels = createMemo(() => {
    const book = bookOf(props.symbol);
    const count = perSide();
    const asks = grouped(book.asks, size(), count, true);
    const bids = grouped(book.bids, size(), count, false);
    const sum = (side: Level[]) => side.reduce((total, level) => total + level.quantity, 0);
    const most = Math.max(sum(asks), sum(bids), 1);
    const rows = (side: Level[], name: "buy" | "sell"): Row[] => {
      let total = 0;
      return side.map((level) => {
        total += level.quantity;
        return {
          price: format.price(level.price, decimals(props.symbol)),
          size: format.quantity(level.quantity),
          orders: level.orders,
          total: format.compact(total),
          depth: (total / most) * 100,
          isOwn: own().has(`${name} ${Math.round(level.price / size())}`),
        };
      });
    };
    const best = book.asks[0] && book.bids[0] ? book.asks[0].price - book.bids[0].price : null;
    return { asks: rows(asks, "sell"), bids: rows(bids, "buy"), spread: best };
  });
  let before: number | null = null;
  let direction = 0;
  const last = createMemo(() => {
    const quote = quoteOf(props.symbol);
    const price = quote?.last ? Number(quote.last) : null;
    if (price !== null && before !== null && price !== before) direction = price - before;
    before = price;
    return { price, direction };
  });
  return (
    <section class="panel flex-1" aria-label={text.book} data-testid="book">
      <div class="panel-head justify-between pr-1.5">
        <h2 class="panel-title">{text.book}</h2>
        <div class="flex items-center gap-1">
          <div role="radiogroup" aria-label={text.book} class="flex">
            <For each={["both", "bids", "asks"] as const}>
              {(side) => (
                <button
                  role="radio"
                  class="chip px-1.5"
                  aria-checked={preferences.bookSide === side}
                  onClick={() => setPreferences("bookSide", side)}
                >
                  {text[side]}
                </button>
              )}
            </For>
          </div>
          <select
            class="chip bg-panel border-line w-16 border px-1"
            aria-label={text.grouping}
            value={preferences.grouping}
            onChange={(event) => setPreferences("grouping", Number(event.currentTarget.value))}
          >
            <For each={GROUPS}>
              {(group) => (
                <option value={group}>{(Number(tickOf(props.symbol)) * group).toFixed(decimals(props.symbol))}</option>
              )}
            </For>
          </select>
        </div>
      </div>
      <div class="text-muted grid h-6 shrink-0 grid-cols-3 items-center px-3 text-[0.625rem]">
        <span>{text.price}</span>
        <span class="text-right">{text.size}</span>
        <span class="text-right">{text.total}</span>
      </div>
      <div ref={body} class="flex min-h-0 flex-1 flex-col justify-center overflow-hidden" classList={{ stale: staleFor() > 0 }}>
        <Show when={preferences.bookSide !== "bids"}>
          <Side rows={levels().asks} side="asks" />
        </Show>
        <div class="border-line bg-ground/40 flex h-7 shrink-0 items-center gap-2 border-y px-3">
          <span class={`text-sm font-semibold ${format.toneOf(last().direction)}`}>
            {format.price(last().price, decimals(props.symbol))} {format.arrowOf(last().direction)}
          </span>
          <span class="text-muted ml-auto text-2xs">
            {text.spread} <span class="text-ink">{format.price(levels().spread, decimals(props.symbol))}</span>
          </span>
        </div>
        <Show when={preferences.bookSide !== "asks"}>
          <Side rows={levels().bids} side="bids" />
        </Show>
      </div>
    </section>
  );
}
