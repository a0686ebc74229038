import { createEffect, createSignal, For, Match, on, onCleanup, Show, Switch } from "solid-js";

import { sessionState } from "../api/session";
import { instrumentsFailed, listed, refetchInstruments, symbol } from "../instruments";
import { onKey } from "../keys";
import { account } from "../live/account";
import { follow } from "../live/market";
import { Tabs } from "../parts/Tabs";
import { text } from "../texts";
import { BookPanel } from "./BookPanel";
import { Chart } from "./Chart";
import { SymbolSearch } from "./SymbolSearch";
import { Empty, Fills, History, OpenOrders, Positions } from "./Tables";
import { Tape } from "./Tape";
import { Ticker } from "./Ticker";
import { TicketPanel } from "./TicketPanel";

type Pane = "chart" | "book" | "ticket" | "orders";
type Table = "positions" | "orders" | "history" | "fills";

function Bottom(props: { onTicket: () => void }) {
  const [table, setTable] = createSignal<Table>("orders");
  const tabs = () =>
    [
      ["positions", text.positions, account.portfolio?.positions.length ?? 0],
      ["orders", text.openOrders, account.orders.length],
      ["history", text.history, undefined],
      ["fills", text.fills, undefined],
    ] as const;
  return (
    <section class="panel h-full" aria-label={text.openOrders} data-testid="tables">
      <div class="panel-head px-2">
        <Tabs label={text.openOrders} tabs={tabs()} chosen={table()} onChoose={setTable} class="overflow-x-auto" />
      </div>
      <div class="min-h-0 flex-1 overflow-auto" role="tabpanel" tabindex={0} aria-label={text.openOrders}>
        <Show when={sessionState() === "in"} fallback={<Empty>{text.loginToTrade}</Empty>}>
          <Switch>
            <Match when={table() === "positions"}>
              <Positions onClose={props.onTicket} />
            </Match>
            <Match when={table() === "orders"}>
              <OpenOrders />
            </Match>
            <Match when={table() === "history"}>
              <History />
            </Match>
            <Match when={table() === "fills"}>
              <Fills />
            </Match>
          </Switch>
        </Show>
      </div>
    </section>
  );
}

const PANES: [Pane, string][] = [
  ["chart", text.chart],
  ["book", text.book],
  ["ticket", text.trade],
  ["orders", text.orders],
];

/** On a wide screen all panels; on a phone one at a time, chosen by the bar at the bottom. */
export function Trade() {
  const [pane, setPane] = createSignal<Pane>("chart");
  const [isSearching, setSearching] = createSignal(false);
  const ends = [onKey("/", () => setSearching(true))];
  onCleanup(() => ends.forEach((end) => end()));
  createEffect(on(symbol, (name) => name && onCleanup(follow(name, ["quotes", "trades", "book"]))));
  createEffect(() => {
    document.title = symbol() ? `${symbol()} · ${text.product}` : text.product;
  });
  const shown = (name: Pane) => ({ "max-md:hidden": pane() !== name });
  return (
    <Show
      when={!instrumentsFailed()}
      fallback={
        <div class="flex flex-1 flex-col items-center justify-center gap-3 text-xs">
          {text.unreachable}
          <button class="button" onClick={() => void refetchInstruments()}>
            {text.retry}
          </button>
        </div>
      }
    >
      <h1 class="sr-only">{`${text.trade} ${symbol()}`}</h1>
      <div class="flex min-h-0 flex-1 flex-col gap-1.5 p-1.5" data-pane={pane()}>
        <Ticker symbol={symbol()} onSearch={() => setSearching(true)} />
        <div class="trade-grid min-h-0 flex-1">
          <div class="area-chart min-h-0 min-w-0" classList={shown("chart")}>
            <Chart symbol={symbol()} />
          </div>
          <div class="area-book flex min-h-0 min-w-0 flex-col gap-1.5" classList={shown("book")}>
            <BookPanel symbol={symbol()} />
            <div class="h-[32%] min-h-32 shrink-0">
              <Tape symbol={symbol()} />
            </div>
          </div>
          <div class="area-ticket min-h-0 min-w-0" classList={shown("ticket")}>
            <TicketPanel symbol={symbol()} />
          </div>
          <div class="area-bottom min-h-0 min-w-0" classList={shown("orders")}>
            <Bottom onTicket={() => setPane("ticket")} />
          </div>
        </div>
        <nav class="bg-panel border-line grid shrink-0 grid-cols-4 rounded-md border md:hidden" aria-label={text.trade}>
          <For each={PANES}>
            {([name, label]) => (
              <button
                class="h-12 text-xs font-medium"
                classList={{ "text-accent": pane() === name, "text-muted": pane() !== name }}
                aria-current={pane() === name ? "true" : undefined}
                onClick={() => setPane(name)}
              >
                {label}
                <Show when={name === "orders" && account.orders.length}>
                  <span class="text-muted ml-1">{account.orders.length}</span>
                </Show>
              </button>
            )}
          </For>
        </nav>
      </div>
      <Show when={listed().length}>
        <SymbolSearch open={isSearching()} onClose={() => setSearching(false)} />
      </Show>
    </Show>
  );
}
