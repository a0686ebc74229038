import { createEffect, Index, on, Show } from "solid-js";

import { api, done } from "../api/client";
import { decimals } from "../instruments";
import { type Print, seedTape, tapeOf } from "../live/market";
import { staleFor } from "../live/socket";
import * as format from "../number";
import { text } from "../texts";

const ROWS_MAX = 40;

async function seed(symbol: string): Promise<void> {
  const page = await done(
    api.GET("/api/v1/market-data/trades/{symbol}", { params: { path: { symbol }, query: { limit: ROWS_MAX } } }),
  );
  const prints = page.items.map(
    (trade): Print => ({
      id: trade.id,
      symbol,
      price: Number(trade.price),
      priceText: trade.price,
      quantity: Number(trade.quantity),
      source: trade.source,
      side: trade.aggressor,
      at: trade.executed_at,
    }),
  );
  seedTape(symbol, prints);
}

/** The latest trades, newest first. */
export function Tape(props: { symbol: string }) {
  createEffect(on(() => props.symbol, (symbol) => void (symbol && seed(symbol).catch(() => undefined))));
  const rows = () => tapeOf(props.symbol).slice(0, ROWS_MAX);
  const tone = (side: string | null) => (side === "buy" ? "text-up" : side === "sell" ? "text-down" : "text-ink");
  return (
    <section class="panel h-full" aria-label={text.tape} data-testid="tape">
      <div class="panel-head">
        <h2 class="panel-title">{text.tape}</h2>
      </div>
      <div class="text-muted grid h-6 shrink-0 grid-cols-3 items-center px-3 text-[0.625rem]">
        <span>{text.price}</span>
        <span class="text-right">{text.size}</span>
        <span class="text-right">{text.time}</span>
      </div>
      <div class="min-h-0 flex-1 overflow-hidden" classList={{ stale: staleFor() > 0 }}>
        <Index each={rows()}>
          {(print) => (
            <div class="grid h-5 grid-cols-3 items-center px-3 text-xs">
              <span class={tone(print().side)}>
                {format.price(print().price, decimals(props.symbol))}
                <span class="ml-1 text-[0.5rem]" aria-hidden="true">
                  {print().side === "buy" ? "▲" : print().side === "sell" ? "▼" : ""}
                </span>
              </span>
              <span class="text-right">{format.quantity(print().quantity)}</span>
              <span class="text-muted text-right">{format.time(print().at)}</span>
            </div>
          )}
        </Index>
        <Show when={rows().length === 0}>
          <p class="text-muted px-3 py-2 text-xs">{text.tapeEmpty}</p>
        </Show>
      </div>
    </section>
  );
}
