import { createInfiniteQuery } from "@tanstack/solid-query";
import { createMemo, createSignal, For, onMount, Show } from "solid-js";

import { api, done, type Fill } from "../api/client";
import { account } from "../live/account";
import { totals } from "../live/valuation";
import * as format from "../number";
import { Tabs } from "../parts/Tabs";
import { text } from "../texts";
import { Empty, Fills, Positions, SymbolButton } from "../trade/Tables";
import { Curve } from "./Curve";

const PAGE = 200;
const TRANSACTIONS_PAGE = 50;

function Card(props: { label: string; value: string; note?: string; tone?: string; testid?: string }) {
  return (
    <div class="panel px-4 py-3">
      <span class="text-muted text-2xs">{props.label}</span>
      <span class={`text-lg leading-7 font-semibold ${props.tone ?? ""}`} data-testid={props.testid}>
        {props.value}
      </span>
      <span class="text-muted h-4 truncate text-2xs">{props.note ?? ""}</span>
    </div>
  );
}

function Cards() {
  const portfolio = () => account.portfolio;
  const today = () => (portfolio()?.day_pnl == null ? null : Number(portfolio()!.day_pnl) + totals().moved);
  return (
    <div class="grid grid-cols-2 gap-1.5 md:grid-cols-4">
      <Card label={text.equity} value={format.money(totals().equity)} note={portfolio()?.currency} testid="equity" />
      <Card label={text.dayPnl} value={format.signed(today())} tone={format.toneOf(today())} />
      <Card label={text.unrealized} value={format.signed(totals().unrealized)} tone={format.toneOf(totals().unrealized)} />
      <Card
        label={text.realized}
        value={format.signed(portfolio()?.realized_pnl)}
        tone={format.toneOf(portfolio()?.realized_pnl)}
        note={`${text.feesPaid} ${format.money(portfolio()?.fees_paid)}`}
      />
      <Card label={text.cash} value={format.money(portfolio()?.cash)} note={`${text.withdrawable} ${format.money(portfolio()?.withdrawable)}`} />
      <Card label={text.buyingPower} value={format.money(portfolio()?.buying_power)} note={portfolio()?.kind} />
      <Card label={text.reserved} value={format.money(portfolio()?.reserved)} note={`${text.openOrders}: ${portfolio()?.open_orders ?? 0}`} />
      <Card
        label={text.exposure}
        value={format.money(totals().gross)}
        note={`${text.leverage} ${totals().equity > 0 ? (totals().gross / totals().equity).toFixed(2) : format.NONE}×`}
      />
    </div>
  );
}

interface SymbolSum {
  symbol: string;
  fills: number;
  traded: number;
  fees: number;
  realized: number;
  closing: number;
  profitable: number;
}

function sumBySymbol(fills: Fill[]): SymbolSum[] {
  const sums = new Map<string, SymbolSum>();
  for (const fill of fills) {
    let sum = sums.get(fill.symbol);
    if (!sum) {
      sum = { symbol: fill.symbol, fills: 0, traded: 0, fees: 0, realized: 0, closing: 0, profitable: 0 };
      sums.set(fill.symbol, sum);
    }
    const realized = Number(fill.realized_pnl);
    sum.fills++;
    sum.traded += Number(fill.notional);
    sum.fees += Number(fill.fee);
    sum.realized += realized;
    if (realized !== 0) {
      sum.closing++;
      if (realized > 0) sum.profitable++;
    }
  }
  return [...sums.values()].sort((one, other) => other.realized - one.realized);
}

function BySymbol(props: { fills: Fill[] }) {
  const sums = createMemo(() => sumBySymbol(props.fills));
  return (
    <Show when={sums().length} fallback={<Empty>{text.noFills}</Empty>}>
      <table class="table">
        <thead>
          <tr>
            <th>{text.symbol}</th>
            <th class="num">{text.fills}</th>
            <th class="num">{text.traded}</th>
            <th class="num">{text.feePaid}</th>
            <th class="num">{text.winRate}</th>
            <th class="num">{text.realized}</th>
          </tr>
        </thead>
        <tbody>
          <For each={sums()}>
            {(sum) => (
              <tr>
                <td>
                  <SymbolButton symbol={sum.symbol} />
                </td>
                <td class="num">{sum.fills}</td>
                <td class="num">{format.money(sum.traded)}</td>
                <td class="num">{format.money(sum.fees)}</td>
                <td class="num">
                  {sum.closing ? `${sum.profitable} / ${sum.closing}` : format.NONE}
                </td>
                <td class={`num ${format.toneOf(sum.realized)}`}>{format.signed(sum.realized)}</td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </Show>
  );
}

function Transactions() {
  const pages = createInfiniteQuery(() => ({
    queryKey: ["transactions", account.portfolio?.sequence],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const query = { limit: TRANSACTIONS_PAGE, ...(pageParam ? { cursor: pageParam } : {}) };
      return done(api.GET("/api/v1/trading/transactions", { params: { query } }));
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before: unknown) => before as never,
  }));
  const rows = () => pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Show when={rows().length} fallback={<Empty>{pages.isLoading ? text.loading : text.noTransactions}</Empty>}>
      <table class="table">
        <thead>
          <tr>
            <th>{text.time}</th>
            <th>{text.kind}</th>
            <th>{text.symbol}</th>
            <th class="num">{text.amount}</th>
            <th class="num">{text.balance}</th>
          </tr>
        </thead>
        <tbody>
          <For each={rows()}>
            {(row) => (
              <tr>
                <td class="text-muted">{format.moment(row.created_at)}</td>
                <td>{row.kind.replaceAll("_", " ")}</td>
                <td>{row.symbol ?? ""}</td>
                <td class={`num ${format.toneOf(row.amount)}`}>{format.signed(row.amount)}</td>
                <td class="num">{format.money(row.cash)}</td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
      <Show when={pages.hasNextPage}>
        <div class="p-2 text-center">
          <button class="button" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
            {text.older}
          </button>
        </div>
      </Show>
    </Show>
  );
}

type Table = "positions" | "symbols" | "closing" | "fills" | "transactions";

export default function Portfolio() {
  const [table, setTable] = createSignal<Table>("positions");
  onMount(() => (document.title = `${text.portfolio} · ${text.product}`));
  const pages = createInfiniteQuery(() => ({
    queryKey: ["fills", account.fills[0]?.id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const query = { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) };
      return done(api.GET("/api/v1/trading/fills", { params: { query } }));
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before: unknown) => before as never,
  }));
  const fills = createMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? []);
  const closing = createMemo(() => fills().filter((fill) => Number(fill.realized_pnl) !== 0));
  const tabs = () =>
    [
      ["positions", text.positions, undefined],
      ["symbols", text.bySymbol, undefined],
      ["closing", text.closedTrades, undefined],
      ["fills", text.fills, undefined],
      ["transactions", text.transactions, undefined],
    ] as const;
  return (
    <div class="min-h-0 flex-1 overflow-auto">
      <div class="mx-auto flex max-w-6xl flex-col gap-1.5 p-1.5">
        <h1 class="sr-only">{text.portfolio}</h1>
        <Cards />
        <Curve />
        <section class="panel min-h-72" aria-label={text.portfolio}>
          <div class="panel-head px-2">
            <Tabs label={text.portfolio} tabs={tabs()} chosen={table()} onChoose={setTable} class="overflow-x-auto" />
          </div>
          <div class="overflow-x-auto" role="tabpanel" tabindex={0} aria-label={text.portfolio}>
            <Show when={table() === "positions"}>
              <Positions />
            </Show>
            <Show when={table() === "symbols"}>
              <BySymbol fills={fills()} />
            </Show>
            <Show when={table() === "closing"}>
              <Fills fills={closing()} />
            </Show>
            <Show when={table() === "fills"}>
              <Fills fills={fills()} />
            </Show>
            <Show when={table() === "transactions"}>
              <Transactions />
            </Show>
            <Show when={table() !== "transactions" && table() !== "positions" && pages.hasNextPage}>
              <div class="p-2 text-center">
                <button class="button" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
                  {text.older}
                </button>
              </div>
            </Show>
          </div>
        </section>
      </div>
    </div>
  );
}
