// Changes of orders, with their messages.

import { api, done, messageOf, newKey, type NewOrder, type Order } from "../api/client";
import { account, applyOrder, refreshSoon } from "../live/account";
import * as format from "../number";
import { notify } from "../parts/toasts";
import { text } from "../texts";

export function nameOf(order: Order): string {
  const price = order.limit_price ?? order.stop_price;
  const at = price ? ` @ ${format.price(price)}` : "";
  return `${text[order.side]} ${format.quantity(order.quantity)} ${order.symbol}${at}`;
}

/** The field that a new price on the chart changes; null for orders without a fixed price. */
export function priceField(order: Order): "limit_price" | "stop_price" | null {
  if (order.type === "limit") return "limit_price";
  return order.type === "stop" || order.type === "stop_limit" ? "stop_price" : null;
}

/** Place an order. Throws Problem if it is refused. The key makes a repetition after a lost response safe. */
export async function placeOrder(order: NewOrder): Promise<Order> {
  const body = { ...order, client_order_id: newKey() };
  const placed = await done(api.POST("/api/v1/trading/orders", { body, params: {} }));
  applyOrder(placed);
  refreshSoon();
  return placed;
}

export async function cancelOrder(order: Order): Promise<void> {
  try {
    const path = { order_id: order.id };
    applyOrder(await done(api.DELETE("/api/v1/trading/orders/{order_id}", { params: { path } })));
    notify(text.canceled(1));
  } catch (error) {
    notify(messageOf(error), "warn");
  }
  refreshSoon();
}

export async function cancelAll(): Promise<void> {
  try {
    const { canceled } = await done(api.DELETE("/api/v1/trading/orders", { params: {} }));
    notify(text.canceled(canceled));
  } catch (error) {
    notify(messageOf(error), "warn");
  }
  refreshSoon();
}

type Change = { quantity?: string; limit_price?: string; stop_price?: string };

/** Replace an order. Returns whether the exchange accepted it. */
export async function replaceOrder(order: Order, body: Change): Promise<boolean> {
  try {
    const path = { order_id: order.id };
    applyOrder(await done(api.PATCH("/api/v1/trading/orders/{order_id}", { params: { path }, body })));
    refreshSoon();
    return true;
  } catch (error) {
    notify(messageOf(error), "warn");
    refreshSoon();
    return false;
  }
}

/** Move an order's price, and offer the way back. */
export async function replacePrice(order: Order, price: string): Promise<void> {
  const field = priceField(order);
  const before = field && order[field];
  if (!field || !before || !(await replaceOrder(order, { [field]: price }))) return;
  const undo = () => {
    const current = account.orders.find((each) => each.id === order.id);
    if (current) void replaceOrder(current, { [field]: before });
  };
  notify(text.replaced(format.price(price)), "plain", { label: text.undo, run: undo });
}
