// The content of the order ticket, shared by the panels that fill it: book, positions, chart.

import { createStore } from "solid-js/store";

import type { NewOrder } from "../api/client";
import { text } from "../texts";

export interface Ticket {
  side: "buy" | "sell";
  type: NonNullable<NewOrder["type"]>;
  orderClass: NonNullable<NewOrder["order_class"]>;
  timeInForce: NonNullable<NewOrder["time_in_force"]>;
  quantity: string;
  limitPrice: string;
  stopPrice: string;
  trail: string;
  trailBy: "amount" | "percent";
  takeProfit: string;
  stopLoss: string;
  stopLossLimit: string;
  displayQuantity: string;
  expireAt: string;
  postOnly: boolean;
  reduceOnly: boolean;
  selfTrade: NonNullable<NewOrder["self_trade_prevention"]>;
}

const EMPTY: Ticket = {
  side: "buy",
  type: "limit",
  orderClass: "simple",
  timeInForce: "day",
  quantity: "",
  limitPrice: "",
  stopPrice: "",
  trail: "",
  trailBy: "amount",
  takeProfit: "",
  stopLoss: "",
  stopLossLimit: "",
  displayQuantity: "",
  expireAt: "",
  postOnly: false,
  reduceOnly: false,
  selfTrade: "cancel_newest",
};

const [ticket, setTicket] = createStore<Ticket>({ ...EMPTY });
export { setTicket, ticket };

export function clearTicket(): void {
  setTicket({ ...EMPTY, side: ticket.side, type: ticket.type, orderClass: ticket.orderClass });
}

export const hasLimit = (): boolean => ticket.type === "limit" || ticket.type === "stop_limit";
export const hasStop = (): boolean => ticket.type === "stop" || ticket.type === "stop_limit";
export const hasTakeProfit = (): boolean => ticket.orderClass === "bracket" || ticket.orderClass === "oto";
export const hasStopLoss = (): boolean => ticket.orderClass !== "simple";

/** The order of the ticket, or what is missing. Fields that the order's type does not use are left out. */
export function orderOf(symbol: string): { order: NewOrder } | { missing: string } {
  if (!(Number(ticket.quantity) > 0)) return { missing: text.enterQuantity };
  const order: NewOrder = {
    symbol,
    side: ticket.side,
    type: ticket.type,
    quantity: ticket.quantity,
    time_in_force: ticket.timeInForce,
    order_class: ticket.orderClass,
    self_trade_prevention: ticket.selfTrade,
    post_only: ticket.postOnly && hasLimit(),
    reduce_only: ticket.reduceOnly,
  };
  if (hasLimit()) {
    if (!ticket.limitPrice) return { missing: text.enterPrice };
    order.limit_price = ticket.limitPrice;
  }
  if (hasStop()) {
    if (!ticket.stopPrice) return { missing: text.enterPrice };
    order.stop_price = ticket.stopPrice;
  }
  if (ticket.type === "trailing_stop") {
    if (!ticket.trail) return { missing: text.enterPrice };
    if (ticket.trailBy === "amount") order.trail_amount = ticket.trail;
    else order.trail_percent = ticket.trail;
  }
  if (ticket.timeInForce === "gtd") {
    if (!ticket.expireAt) return { missing: text.expireAt };
    order.expire_at = new Date(ticket.expireAt).toISOString();
  }
  if (ticket.displayQuantity && hasLimit()) order.display_quantity = ticket.displayQuantity;
  if (hasTakeProfit() && ticket.takeProfit) order.take_profit = { limit_price: ticket.takeProfit };
  if (hasStopLoss() && ticket.stopLoss) {
    order.stop_loss = {
      stop_price: ticket.stopLoss,
      ...(ticket.stopLossLimit ? { limit_price: ticket.stopLossLimit } : {}),
    };
  }
  return { order };
}

/** A click on a price: it becomes the limit price. */
export function usePrice(price: string): void {
  if (!hasLimit()) setTicket("type", "limit");
  setTicket("limitPrice", price);
}

/** The market order that closes a position. */
export function closePosition(quantity: string): void {
  const isLong = Number(quantity) > 0;
  setTicket({
    ...EMPTY,
    side: isLong ? "sell" : "buy",
    type: "market",
    quantity: quantity.replace("-", ""),
    reduceOnly: true,
  });
}
