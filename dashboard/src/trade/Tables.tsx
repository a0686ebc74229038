import { createInfiniteQuery } from "@tanstack/solid-query";
import { createMemo, createSignal, For, type JSX, onCleanup, Show } from "solid-js";

import { api, done, type Fill, type Order } from "../api/client";
import { choose, decimals } from "../instruments";
import { onKey } from "../keys";
import { account } from "../live/account";
import { valued } from "../live/valuation";
import * as format from "../number";
import { Confirm } from "../parts/Dialog";
import { text } from "../texts";
import { EditOrder } from "./EditOrder";
import { cancelAll, cancelOrder, nameOf } from "./orders";
import { closePosition } from "./ticket";

const PAGE = 50;

export function Empty(props: { children: JSX.Element }) {
  return <p class="text-muted px-3 py-6 text-center text-xs">{props.children}</p>;
}

export function SideText(props: { side: "buy" | "sell" }) {
  return <span class={props.side === "buy" ? "text-up" : "text-down"}>{text[props.side]}</span>;
}

export function SymbolButton(props: { symbol: string }) {
  return (
    <button class="hover:text-accent font-medium" onClick={() => choose(props.symbol)}>
      {props.symbol}
    </button>
  );
}

export function Positions(props: { onClose?: () => void }) {
  const open = () => (account.portfolio?.positions ?? []).filter((each) => Number(each.quantity) !== 0);
  return (
    <Show when={open().length} fallback={<Empty>{text.noPositions}</Empty>}>
      <table class="table" data-testid="positions">
        <thead>
          <tr>
            <th>{text.symbol}</th>
            <th class="num">{text.quantity}</th>
            <th class="num">{text.average}</th>
            <th class="num">{text.mark}</th>
            <th class="num">{text.marketValue}</th>
            <th class="num">{text.unrealized}</th>
            <th class="num">{text.realized}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          <For each={open()}>
            {(position) => (
              <tr>
                <td>
                  <SymbolButton symbol={position.symbol} />
                </td>
                <td class={`num ${format.toneOf(position.quantity)}`}>{format.quantity(position.quantity)}</td>
                <td class="num">{format.price(position.average_price, decimals(position.symbol))}</td>
                <td class="num">{format.price(valued(position).mark, decimals(position.symbol))}</td>
                <td class="num">{format.money(valued(position).value)}</td>
                <td class={`num ${format.toneOf(valued(position).unrealized)}`}>
                  {format.signed(valued(position).unrealized)}
                  <span class="ml-1.5 text-2xs">{format.percent(valued(position).percent)}</span>
                </td>
                <td class={`num ${format.toneOf(position.realized_pnl)}`}>{format.signed(position.realized_pnl)}</td>
                <td class="num">
                  <button
                    class="chip border-line h-5 border px-1.5 max-md:h-8"
                    aria-label={text.closePositionLabel(position.symbol)}
                    onClick={() => (choose(position.symbol), closePosition(position.quantity), props.onClose?.())}
                  >
                    {text.closePosition}
                  </button>
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </Show>
  );
}

function pricesOf(order: Order): string {
  const places = decimals(order.symbol);
  const parts = [];
  if (order.limit_price) parts.push(format.price(order.limit_price, places));
  if (order.stop_price) parts.push(`${text.types.stop} ${format.price(order.stop_price, places)}`);
  if (order.trail_amount) parts.push(`${text.trail} ${format.price(order.trail_amount, places)}`);
  if (order.trail_percent) parts.push(`${text.trail} ${order.trail_percent} %`);
  return parts.join(" · ") || format.NONE;
}

export function OpenOrders() {
  const [selected, setSelected] = createSignal<string | null>(null);
  const [edited, setEdited] = createSignal<Order | null>(null);
  const [isConfirming, setConfirming] = createSignal(false);
  const orders = () => account.orders;
  const chosen = createMemo(() => orders().find((order) => order.id === selected()));
  const move = (by: number) => {
    const index = orders().findIndex((order) => order.id === selected());
    const next = orders()[Math.max(0, Math.min(orders().length - 1, index + by))];
    if (next) setSelected(next.id);
  };
  const ends = [
    onKey("ArrowDown", () => move(1)),
    onKey("ArrowUp", () => move(-1)),
    onKey("x", () => {
      const order = chosen() ?? (orders().length === 1 ? orders()[0] : undefined);
      if (order) void cancelOrder(order);
    }),
    onKey("Shift+X", () => orders().length && setConfirming(true)),
    onKey("e", () => chosen() && setEdited(chosen()!)),
  ];
  onCleanup(() => ends.forEach((end) => end()));
  return (
    <>
      <Show when={orders().length} fallback={<Empty>{text.noOrders}</Empty>}>
        <table class="table" data-testid="open-orders">
          <thead>
            <tr>
              <th>{text.placed}</th>
              <th>{text.symbol}</th>
              <th>{text.side}</th>
              <th>{text.type}</th>
              <th class="num">{text.filled}</th>
              <th class="num">{text.price}</th>
              <th>{text.timeInForce}</th>
              <th>{text.status}</th>
              <th class="num">
                <button class="chip h-5 px-1.5" onClick={() => setConfirming(true)}>
                  {text.cancelAll}
                </button>
              </th>
            </tr>
          </thead>
          <tbody>
            <For each={orders()}>
              {(order) => (
                <tr aria-selected={selected() === order.id} onClick={() => setSelected(order.id)} data-order={order.id}>
                  <td class="text-muted">{format.moment(order.created_at)}</td>
                  <td>
                    <SymbolButton symbol={order.symbol} />
                  </td>
                  <td>
                    <SideText side={order.side} />
                  </td>
                  <td>
                    {text.types[order.type]}
                    <Show when={order.order_class !== "simple"}>
                      <span class="text-muted ml-1.5 text-2xs">{text.classes[order.order_class]}</span>
                    </Show>
                  </td>
                  <td class="num">
                    {format.quantity(order.filled_quantity)} / {format.quantity(order.quantity)}
                  </td>
                  <td class="num">{pricesOf(order)}</td>
                  <td class="text-muted uppercase">{order.time_in_force}</td>
                  <td class="text-muted">{order.status.replace("_", " ")}</td>
                  <td class="num">
                    <button class="chip border-line mr-1 h-5 border px-1.5 max-md:h-8" onClick={() => setEdited(order)}>
                      {text.edit}
                    </button>
                    <button
                      class="chip border-line text-down h-5 border px-1.5 max-md:h-8 max-md:px-3"
                      aria-label={text.cancelOrder(nameOf(order))}
                      onClick={() => void cancelOrder(order)}
                    >
                      ✕
                    </button>
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </Show>
      <EditOrder order={edited()} onClose={() => setEdited(null)} />
      <Confirm
        open={isConfirming()}
        title={text.cancelAllTitle}
        message={text.cancelAllText(orders().length)}
        action={text.cancelAll}
        keep={text.keepOrders}
        onClose={() => setConfirming(false)}
        onConfirm={() => void cancelAll()}
      />
    </>
  );
}

export function Fills(props: { fills?: Fill[] }) {
  const fills = () => props.fills ?? account.fills.slice(0, PAGE);
  return (
    <Show when={fills().length} fallback={<Empty>{text.noFills}</Empty>}>
      <table class="table" data-testid="fills">
        <thead>
          <tr>
            <th>{text.time}</th>
            <th>{text.symbol}</th>
            <th>{text.side}</th>
            <th class="num">{text.quantity}</th>
            <th class="num">{text.price}</th>
            <th class="num">{text.notional}</th>
            <th class="num">{text.feePaid}</th>
            <th class="num">{text.realized}</th>
            <th>{text.liquidity}</th>
          </tr>
        </thead>
        <tbody>
          <For each={fills()}>
            {(fill) => (
              <tr>
                <td class="text-muted">{format.moment(fill.executed_at)}</td>
                <td>
                  <SymbolButton symbol={fill.symbol} />
                </td>
                <td>
                  <SideText side={fill.side} />
                </td>
                <td class="num">{format.quantity(fill.quantity)}</td>
                <td class="num">{format.price(fill.price, decimals(fill.symbol))}</td>
                <td class="num">{format.money(fill.notional)}</td>
                <td class="num">{format.money(fill.fee)}</td>
                <td class={`num ${format.toneOf(fill.realized_pnl)}`}>{format.signed(fill.realized_pnl)}</td>
                <td class="text-muted">{fill.liquidity}</td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </Show>
  );
}

export function History() {
  const pages = createInfiniteQuery(() => ({
    // Another set of open orders means that an order may have been closed.
    queryKey: ["closed orders", account.orders.map((order) => order.id).join(), account.fills[0]?.id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const query = { status: "closed" as const, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) };
      return done(api.GET("/api/v1/trading/orders", { params: { query } }));
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before: unknown) => before as never,
  }));
  const orders = () => pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Show when={orders().length} fallback={<Empty>{pages.isLoading ? text.loading : text.noHistory}</Empty>}>
      <table class="table">
        <thead>
          <tr>
            <th>{text.placed}</th>
            <th>{text.symbol}</th>
            <th>{text.side}</th>
            <th>{text.type}</th>
            <th class="num">{text.filled}</th>
            <th class="num">{text.price}</th>
            <th class="num">{text.average}</th>
            <th>{text.status}</th>
            <th>{text.reason}</th>
          </tr>
        </thead>
        <tbody>
          <For each={orders()}>
            {(order) => (
              <tr>
                <td class="text-muted">{format.moment(order.created_at)}</td>
                <td>
                  <SymbolButton symbol={order.symbol} />
                </td>
                <td>
                  <SideText side={order.side} />
                </td>
                <td>{text.types[order.type]}</td>
                <td class="num">
                  {format.quantity(order.filled_quantity)} / {format.quantity(order.quantity)}
                </td>
                <td class="num">{pricesOf(order)}</td>
                <td class="num">{format.price(order.average_fill_price, decimals(order.symbol))}</td>
                <td>{order.status.replace("_", " ")}</td>
                <td class="text-muted">{order.reason?.replaceAll("_", " ") ?? ""}</td>
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
