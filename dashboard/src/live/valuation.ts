// The account at live marks: the engine's values, moved by the quotes that arrived since.

import { createEffect, createMemo, createRoot, on, onCleanup } from "solid-js";

import type { Position } from "../api/client";
import { account } from "./account";
import { follow, markOf, quoteOf } from "./market";

/** A position at the live mark. */
export function valued(position: Position) {
  const mark = markOf(quoteOf(position.symbol)) ?? (position.mark === null ? null : Number(position.mark));
  const quantity = Number(position.quantity);
  const value = mark === null ? null : quantity * mark;
  const unrealized = value === null ? null : value - Number(position.cost);
  const cost = Math.abs(Number(position.cost));
  return { mark, value, unrealized, percent: unrealized === null || !cost ? null : (unrealized / cost) * 100 };
}

/** Equity, unrealised profit and loss, gross exposure, and how far the value moved since the engine's answer. */
export const totals = createRoot(() => {
  createEffect(
    on(
      () => (account.portfolio?.positions ?? []).map((each) => each.symbol).join(" "),
      (symbols) => {
        for (const symbol of symbols.split(" ").filter(Boolean)) onCleanup(follow(symbol, ["quotes"]));
      },
    ),
  );
  return createMemo(() => {
    let value = 0;
    let unrealized = 0;
    let gross = 0;
    for (const position of account.portfolio?.positions ?? []) {
      const now = valued(position);
      value += now.value ?? Number(position.market_value);
      unrealized += now.unrealized ?? Number(position.unrealized_pnl);
      gross += Math.abs(now.value ?? Number(position.market_value));
    }
    const moved = value - Number(account.portfolio?.market_value ?? 0);
    return { equity: Number(account.portfolio?.cash ?? 0) + value, unrealized, gross, moved };
  });
});
