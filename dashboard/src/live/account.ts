// The account of this session: open orders, fills and portfolio. The API is the source; messages of the stream are
// applied at once and are followed by a request, so a lost message cannot leave a wrong row for long.

import { batch, createEffect, createRoot, createSignal, on } from "solid-js";
import { createStore, reconcile } from "solid-js/store";

import { api, done, type Fill, type Order, type Portfolio } from "../api/client";
import { accessToken, sessionState } from "../api/session";
import { notify } from "../parts/toasts";
import { text } from "../texts";
import * as format from "../number";
import { authenticate, onConnected, onMessage, reconnect, subscribe } from "./socket";

const REFRESH_AFTER_MS = 120;
const REFRESH_EVERY_MS = 15_000;
const FILLS_MAX = 200;
const ORDERS_MAX = 200;
const OPEN = new Set(["held", "pending", "new", "partially_filled"]);

interface Account {
  orders: Order[];
  fills: Fill[];
  portfolio: Portfolio | null;
}

const [account, setAccount] = createStore<Account>({ orders: [], fills: [], portfolio: null });
const [loaded, setLoaded] = createSignal(false);
export { account };
export const accountLoaded = loaded;

let timer: ReturnType<typeof setTimeout> | undefined;
let generation = 0;

/** Load orders, fills and portfolio soon; several calls are one request. */
export function refreshSoon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void refresh(), REFRESH_AFTER_MS);
}

export async function refresh(): Promise<void> {
  if (!accessToken()) return;
  const mine = ++generation;
  const query = { limit: ORDERS_MAX };
  try {
    const [orders, fills, portfolio] = await Promise.all([
      done(api.GET("/api/v1/trading/orders", { params: { query: { ...query, status: "open" } } })),
      done(api.GET("/api/v1/trading/fills", { params: { query: { limit: FILLS_MAX } } })),
      done(api.GET("/api/v1/trading/portfolio")),
    ]);
    // A newer request, or a session that ended meanwhile, makes this response useless.
    if (mine !== generation || !accessToken()) return;
    batch(() => {
      setAccount("orders", reconcile(orders.items, { key: "id" }));
      setAccount("fills", reconcile(fills.items, { key: "id" }));
      setAccount("portfolio", reconcile(portfolio, { key: "symbol" }));
      setLoaded(true);
    });
  } catch {
    if (mine === generation) {
      clearTimeout(timer);
      timer = setTimeout(() => void refresh(), REFRESH_EVERY_MS);
    }
  }
}

/** Show an order that the exchange returned, before the next request. */
export function applyOrder(order: Order): void {
  const rest = account.orders.filter((each) => each.id !== order.id);
  setAccount("orders", reconcile(OPEN.has(order.status) ? [order, ...rest] : rest, { key: "id" }));
}

export function fillText(fill: { side: string; quantity: string; symbol: string; price: string }): string {
  const verb = fill.side === "buy" ? text.bought : text.sold;
  return `${verb} ${format.quantity(fill.quantity)} ${fill.symbol} @ ${format.price(fill.price)}`;
}

onMessage("fill", (message) => {
  notify(fillText(message as never), message.side === "buy" ? "up" : "down");
  refreshSoon();
});

onMessage("order", (message) => {
  const id = message.order_id ?? message.id;
  const index = account.orders.findIndex((order) => order.id === id);
  const status = message.status;
  if (index >= 0 && typeof status === "string") {
    if (OPEN.has(status)) setAccount("orders", index, "status", status as Order["status"]);
    else setAccount("orders", (orders) => orders.filter((order) => order.id !== id));
  }
  refreshSoon();
});

export function start(): void {
  createRoot(() => {
    let ends: (() => void)[] = [];
    createEffect(
      on(sessionState, (state) => {
        for (const end of ends) end();
        ends = [];
        if (state === "in") {
          ends = [subscribe("orders"), subscribe("fills")];
          void refresh();
        } else if (state === "out") {
          generation++;
          reconnect();
          batch(() => {
            setAccount({ orders: [], fills: [], portfolio: null });
            setLoaded(false);
          });
        }
      }),
    );
    createEffect(on(accessToken, (token) => token && authenticate()));
  });
  onConnected(refreshSoon);
  setInterval(() => void refresh(), REFRESH_EVERY_MS);
}
