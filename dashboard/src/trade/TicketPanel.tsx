import { createEffect, createMemo, createSignal, For, on, onCleanup, Show, untrack } from "solid-js";

import { api, done, messageOf, type NewOrder, Problem, type RiskCheck } from "../api/client";
import { sessionState } from "../api/session";
import { decimals, infoOf, tickOf } from "../instruments";
import { onKey } from "../keys";
import { account } from "../live/account";
import { markOf, quoteOf } from "../live/market";
import * as format from "../number";
import { notify } from "../parts/toasts";
import { preferences, setPreferences } from "../preferences";
import { go } from "../router";
import { text } from "../texts";
import { placeOrder } from "./orders";
import { Advanced, Choice, PriceField, TextField } from "./TicketFields";
import { clearTicket, hasLimit, hasStop, hasStopLoss, hasTakeProfit, orderOf, setTicket, ticket } from "./ticket";

const CHECK_AFTER_MS = 250;
const CHECK_EVERY_MS = 3_000;
const PERCENTS = [25, 50, 75, 100];

interface Checked {
  result: RiskCheck | null;
  problem: Problem | null;
}

/** What the engine would answer to the order of the ticket; requested again while a person types and every 3 seconds. */
function useRiskCheck(order: () => NewOrder | null) {
  const [checked, setChecked] = createSignal<Checked>({ result: null, problem: null });
  let controller: AbortController | undefined;
  const check = async (body: NewOrder) => {
    controller?.abort();
    controller = new AbortController();
    const { signal } = controller;
    try {
      const result = await done(api.POST("/api/v1/trading/risk/check", { body, signal }));
      setChecked({ result, problem: null });
    } catch (error) {
      if (!signal.aborted) setChecked({ result: null, problem: error instanceof Problem ? error : null });
    }
  };
  const key = createMemo(() => JSON.stringify(order()));
  createEffect(
    on([key, sessionState], () => {
      const body = order();
      if (!body || sessionState() !== "in") {
        controller?.abort();
        setChecked({ result: null, problem: null });
        return;
      }
      const first = setTimeout(() => void check(body), CHECK_AFTER_MS);
      const repeated = setInterval(() => void check(body), CHECK_EVERY_MS);
      onCleanup(() => {
        clearTimeout(first);
        clearInterval(repeated);
      });
    }),
  );
  return checked;
}

function Line(props: { label: string; title?: string; children: unknown; testid?: string }) {
  return (
    <div class="flex items-baseline justify-between gap-3" title={props.title}>
      <dt class="text-muted">{props.label}</dt>
      <dd class="font-medium" data-testid={props.testid}>
        {props.children as never}
      </dd>
    </div>
  );
}

export function TicketPanel(props: { symbol: string }) {
  let quantityField: HTMLInputElement | undefined;
  let sendButton: HTMLButtonElement | undefined;
  const [isReviewing, setReviewing] = createSignal(false);
  const [isSending, setSending] = createSignal(false);
  const [refusal, setRefusal] = createSignal<string | null>(null);
  const built = createMemo(() => orderOf(props.symbol));
  const order = () => {
    const found = built();
    return "order" in found ? found.order : null;
  };
  const missing = () => {
    const found = built();
    return "missing" in found ? found.missing : null;
  };
  const checked = useRiskCheck(order);
  const quote = () => quoteOf(props.symbol);
  const places = () => decimals(props.symbol);
  const problemField = () => checked().problem?.field ?? (checked().result?.admitted === false ? checked().result!.field : null);
  const wouldRefuse = () =>
    checked().problem?.message ?? (checked().result?.admitted === false ? (checked().result!.message ?? text.refused) : null);
  const price = () => {
    if (hasLimit() && ticket.limitPrice) return Number(ticket.limitPrice);
    if (hasStop() && ticket.stopPrice) return Number(ticket.stopPrice);
    const side = ticket.side === "buy" ? quote()?.ask : quote()?.bid;
    return side ? Number(side) : markOf(quote());
  };
  const value = () => (price() === null || !ticket.quantity ? null : price()! * Number(ticket.quantity));
  // The API has no function for the fee schedule. The latest fill of the same kind shows the rate that applies.
  const feeRate = () => {
    const last = account.fills.find((fill) => fill.liquidity === (ticket.postOnly ? "maker" : "taker"));
    return last && Number(last.notional) ? Number(last.fee) / Number(last.notional) : null;
  };
  const power = () => Number(checked().result?.buying_power ?? account.portfolio?.buying_power ?? Number.NaN);
  const held = () => account.portfolio?.positions.find((each) => each.symbol === props.symbol);
  const summary = () => {
    const at = hasLimit() && ticket.limitPrice ? ` @ ${format.price(ticket.limitPrice, places())}` : "";
    return `${text[ticket.side]} ${format.quantity(ticket.quantity || null)} ${props.symbol}${at}`;
  };

  const usePercent = async (percent: number) => {
    const query = {
      side: ticket.side,
      type: ticket.type,
      ...(hasLimit() && ticket.limitPrice ? { limit_price: ticket.limitPrice } : {}),
      ...(hasStop() && ticket.stopPrice ? { stop_price: ticket.stopPrice } : {}),
    };
    try {
      const path = { symbol: props.symbol };
      const largest = await done(api.GET("/api/v1/trading/risk/max-order-size/{symbol}", { params: { path, query } }));
      const lot = Number(infoOf(props.symbol)?.lot ?? 1);
      const lots = Math.floor((Number(largest.quantity) * percent) / 100 / lot);
      setTicket("quantity", String(Number((lots * lot).toFixed(9))));
    } catch (error) {
      notify(messageOf(error), "warn");
    }
  };
  const send = async () => {
    const body = order();
    if (!body || isSending()) return;
    setSending(true);
    setRefusal(null);
    try {
      const placed = await placeOrder(body);
      if (placed.status !== "filled") notify(`${text.orderSent}: ${summary()}`);
      setReviewing(false);
      setTicket("quantity", "");
    } catch (error) {
      setRefusal(messageOf(error));
      notify(`${text.refused}: ${messageOf(error)}`, "warn");
      setReviewing(false);
    } finally {
      setSending(false);
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (sessionState() !== "in") return go("login");
    if (!order()) {
      if (!(Number(ticket.quantity) > 0)) quantityField?.focus();
      return;
    }
    if (preferences.review && !isReviewing()) {
      setReviewing(true);
      queueMicrotask(() => sendButton?.focus());
    } else void send();
  };
  // A change after the review needs a new review.
  createEffect(on(() => JSON.stringify(order()), () => (setReviewing(false), setRefusal(null)), { defer: true }));
  // Prices belong to a symbol: another symbol clears them. A limit order starts at the best price of its side.
  let clearedFor = props.symbol;
  let startedFor = "";
  createEffect(() => {
    const symbol = props.symbol;
    const best = ticket.side === "buy" ? quote()?.bid : quote()?.ask;
    if (clearedFor && clearedFor !== symbol) {
      setTicket({ limitPrice: "", stopPrice: "", trail: "", takeProfit: "", stopLoss: "", stopLossLimit: "" });
    }
    clearedFor = symbol;
    if (!best || startedFor === symbol) return;
    startedFor = symbol;
    untrack(() => hasLimit() && !ticket.limitPrice && setTicket("limitPrice", best));
  });
  const take = (side: "buy" | "sell") => {
    setTicket("side", side);
    quantityField?.focus();
    quantityField?.select();
  };
  const ends = [
    onKey("b", () => take("buy")),
    onKey("s", () => take("sell")),
    onKey("Escape", () => (isReviewing() ? setReviewing(false) : clearTicket())),
  ];
  onCleanup(() => ends.forEach((end) => end()));
  const setType = (type: typeof ticket.type) => {
    setTicket("type", type);
    if (hasLimit() && !ticket.limitPrice) {
      const best = ticket.side === "buy" ? quote()?.bid : quote()?.ask;
      setTicket("limitPrice", best ?? quote()?.last ?? "");
    }
  };
  const setClass = (name: typeof ticket.orderClass) => {
    setTicket("orderClass", name);
    if (name === "oco") setTicket("type", "limit");
  };

  return (
    <section class="panel h-full" aria-label={text.ticket} data-testid="ticket">
      <form class="flex min-h-0 flex-1 flex-col" onSubmit={submit} novalidate onKeyDown={(event) => event.key === "Escape" && (isReviewing() ? setReviewing(false) : (document.activeElement as HTMLElement | null)?.blur())}>
        <div class="grid shrink-0 grid-cols-2 gap-1 p-2" role="radiogroup" aria-label={text.side}>
          <For each={["buy", "sell"] as const}>
            {(side) => (
              <button
                type="button"
                role="radio"
                aria-checked={ticket.side === side}
                class="h-9 rounded text-sm font-semibold transition-colors max-md:h-11"
                classList={{
                  "bg-buy-fill text-white": ticket.side === side && side === "buy",
                  "bg-sell-fill text-white": ticket.side === side && side === "sell",
                  "bg-raised text-muted hover:text-ink": ticket.side !== side,
                }}
                onClick={() => setTicket("side", side)}
              >
                {text[side]}
                <span class="ml-1.5 text-2xs font-normal">
                  {format.price(side === "buy" ? quote()?.ask : quote()?.bid, places())}
                </span>
              </button>
            )}
          </For>
        </div>
        <div class="flex min-h-0 flex-1 flex-col gap-2.5 overflow-y-auto px-3 pt-1 pb-3">
          <div class="grid grid-cols-2 gap-2">
            <Choice label={text.type} options={text.types} value={ticket.type} onChange={setType} disabled={ticket.orderClass === "oco"} />
            <Choice label={text.orderClass} options={text.classes} value={ticket.orderClass} onChange={setClass} />
          </div>
          <Show when={ticket.orderClass !== "simple"}>
            <p class="text-muted -mt-1 text-2xs">{text.classHints[ticket.orderClass]}</p>
          </Show>
          <Show when={hasStop()}>
            <PriceField label={text.stopPrice} name="stop_price" field="stopPrice" symbol={props.symbol} wrong={problemField()} />
          </Show>
          <Show when={hasLimit()}>
            <PriceField
              label={ticket.orderClass === "oco" ? text.takeProfit : text.limitPrice}
              name="limit_price"
              field="limitPrice"
              symbol={props.symbol}
              wrong={problemField()}
            />
          </Show>
          <Show when={ticket.type === "trailing_stop"}>
            <div class="grid grid-cols-2 gap-2">
              <Choice
                label={text.trail}
                options={{ amount: text.trailAmount, percent: text.trailPercent }}
                value={ticket.trailBy}
                onChange={(by) => setTicket("trailBy", by)}
              />
              <TextField
                label={ticket.trailBy === "amount" ? (infoOf(props.symbol)?.currency ?? "") : "%"}
                name={ticket.trailBy === "amount" ? "trail_amount" : "trail_percent"}
                value={ticket.trail}
                onInput={(value) => setTicket("trail", value)}
                wrong={problemField()}
              />
            </div>
          </Show>
          <div>
            <TextField
              ref={(element) => (quantityField = element)}
              label={text.quantity}
              name="quantity"
              value={ticket.quantity}
              onInput={(value) => setTicket("quantity", value)}
              step={infoOf(props.symbol)?.lot ?? "1"}
              wrong={problemField()}
            />
            <div class="mt-1.5 grid grid-cols-4 gap-1">
              <For each={PERCENTS}>
                {(percent) => (
                  <button
                    type="button"
                    class="border-line text-muted hover:text-ink h-6 rounded border text-2xs transition-colors max-md:h-9"
                    title={text.percentOf(percent)}
                    disabled={sessionState() !== "in"}
                    onClick={() => void usePercent(percent)}
                  >
                    {percent} %
                  </button>
                )}
              </For>
            </div>
          </div>
          <Show when={hasTakeProfit()}>
            <PriceField label={text.takeProfit} name="take_profit" field="takeProfit" symbol={props.symbol} wrong={problemField()} />
          </Show>
          <Show when={hasStopLoss()}>
            <div class="grid grid-cols-2 gap-2">
              <PriceField label={text.stopLoss} name="stop_loss" field="stopLoss" symbol={props.symbol} wrong={problemField()} />
              <PriceField label={text.stopLossLimit} name="stop_loss.limit_price" field="stopLossLimit" symbol={props.symbol} wrong={problemField()} />
            </div>
          </Show>
          <Choice label={text.timeInForce} options={text.times} value={ticket.timeInForce} onChange={(value) => setTicket("timeInForce", value)} />
          <Show when={ticket.timeInForce === "gtd"}>
            <TextField label={text.expireAt} name="expire_at" type="datetime-local" value={ticket.expireAt} onInput={(value) => setTicket("expireAt", value)} wrong={problemField()} />
          </Show>
          <Advanced wrong={problemField()} />
        </div>
        <div class="border-line shrink-0 border-t p-3">
          <dl class="mb-2.5 flex flex-col gap-1 text-xs">
            <Line label={text.value}>{format.money(value())}</Line>
            <Line label={text.fee} title={feeRate() === null ? text.feeUnknown : undefined}>
              {feeRate() === null || value() === null ? format.NONE : format.money(value()! * feeRate()!)}
            </Line>
            <Line label={text.reserve} testid="reserve">
              {format.money(checked().result?.reserve)}
            </Line>
            <Line label={text.buyingPower} testid="buying-power">
              {format.money(power())}
              <Show when={checked().result?.reserve}>
                <span class="text-muted font-normal"> → {format.money(power() - Number(checked().result!.reserve))}</span>
              </Show>
            </Line>
            <Line label={text.position}>
              {held() ? `${format.quantity(held()!.quantity)} @ ${format.price(held()!.average_price, places())}` : format.NONE}
            </Line>
          </dl>
          <div class="min-h-9" aria-live="polite">
            <Show when={refusal() ?? wouldRefuse()}>
              {(message) => (
                <p class="text-down mb-2 text-2xs leading-4" role="alert" data-testid="refusal">
                  <span class="font-semibold">{refusal() ? text.refused : text.wouldRefuse}:</span> {message()}
                </p>
              )}
            </Show>
          </div>
          <button
            ref={sendButton}
            type="submit"
            class="h-10 w-full rounded text-sm font-semibold text-white transition-colors disabled:opacity-50 max-md:h-12"
            classList={{
              "bg-buy-fill": ticket.side === "buy",
              "bg-sell-fill": ticket.side === "sell",
              "ring-2 ring-accent": isReviewing(),
            }}
            disabled={isSending()}
            data-testid="submit"
          >
            {sessionState() !== "in"
              ? text.loginToTrade
              : isSending()
                ? text.sending
                : missing()
                  ? missing()
                  : isReviewing()
                    ? text.send(summary())
                    : summary()}
          </button>
          <label class="text-muted mt-2 flex items-center gap-2 text-2xs">
            <input
              type="checkbox"
              class="accent-accent-fill size-3.5"
              checked={preferences.review}
              onChange={(event) => setPreferences("review", event.currentTarget.checked)}
            />
            {text.reviewFirst}
            <span class="ml-auto">
              {text.tick} {tickOf(props.symbol)}
            </span>
          </label>
        </div>
      </form>
    </section>
  );
}
