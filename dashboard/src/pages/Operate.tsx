import { createQuery } from "@tanstack/solid-query";
import { createSignal, For, type JSX, onCleanup, onMount, Show } from "solid-js";

import { api, done, messageOf, type SymbolInfo } from "../api/client";
import { refetchInstruments, listed } from "../instruments";
import { follow, markOf, quoteOf } from "../live/market";
import * as format from "../number";
import { Confirm } from "../parts/Dialog";
import { notify } from "../parts/toasts";
import { text } from "../texts";
import { Empty } from "../trade/Tables";

const REFRESH_MS = 5_000;
const STATES = ["active", "reduce_only", "suspended", "closed"] as const;
const [adminKey, setAdminKey] = createSignal<string | null>(null);

/** Requests of this page carry the administrator's key instead of the session. */
const headers = () => ({ "x-api-key": adminKey() ?? "" });

function Section(props: { title: string; action?: JSX.Element; children: JSX.Element }) {
  return (
    <section class="panel" aria-label={props.title}>
      <div class="panel-head justify-between">
        <h2 class="panel-title">{props.title}</h2>
        {props.action}
      </div>
      <div class="min-w-0 overflow-x-auto">{props.children}</div>
    </section>
  );
}

async function halt(symbol: string, isHalt: boolean): Promise<void> {
  const params = { path: { symbol } };
  const path = isHalt ? "/api/v1/admin/instruments/{symbol}/halt" : "/api/v1/admin/instruments/{symbol}/resume";
  await done(api.POST(path as "/api/v1/admin/instruments/{symbol}/halt", { params, headers: headers() }));
}

/** Whether an instrument is halted. The list of instruments is a moment behind the quotes. */
const isHalted = (info: SymbolInfo): boolean => quoteOf(info.symbol)?.halted ?? info.halted;

function Instrument(props: { info: SymbolInfo; onChange: (isHalt: boolean) => void }) {
  onCleanup(follow(props.info.symbol, ["quotes"]));
  const halted = () => isHalted(props.info);
  return (
    <tr>
      <td class="font-medium">{props.info.symbol}</td>
      <td class="text-muted">{props.info.name}</td>
      <td class="num">{format.price(markOf(quoteOf(props.info.symbol)) ?? props.info.last)}</td>
      <td class={halted() ? "text-warn" : "text-up"}>{halted() ? text.halted : text.trading}</td>
      <td class="num">
        <button
          class="chip border-line h-5 border px-1.5 max-md:h-8"
          aria-label={`${halted() ? text.resume : text.halt} ${props.info.symbol}`}
          onClick={() => props.onChange(!halted())}
        >
          {halted() ? text.resume : text.halt}
        </button>
      </td>
    </tr>
  );
}

function Instruments() {
  const [isConfirming, setConfirming] = createSignal(false);
  const change = async (symbol: string, isHalt: boolean) => {
    try {
      await halt(symbol, isHalt);
      notify(isHalt ? text.haltedNow(symbol) : text.resumedNow(symbol), isHalt ? "warn" : "plain");
    } catch (error) {
      notify(messageOf(error), "warn");
    }
    void refetchInstruments();
  };
  const haltAll = async () => {
    for (const each of listed().filter((one) => !isHalted(one))) await change(each.symbol, true);
  };
  return (
    <Section
      title={text.instruments}
      action={
        <button class="chip text-down border-line border" onClick={() => setConfirming(true)}>
          {text.haltAll}
        </button>
      }
    >
      <table class="table" data-testid="instruments">
        <thead>
          <tr>
            <th>{text.symbol}</th>
            <th>{text.keyName}</th>
            <th class="num">{text.last}</th>
            <th>{text.status}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          <For each={listed()}>
            {(each) => <Instrument info={each} onChange={(isHalt) => void change(each.symbol, isHalt)} />}
          </For>
        </tbody>
      </table>
      <Confirm
        open={isConfirming()}
        title={text.haltAllTitle}
        message={text.haltAllText}
        action={text.haltAll}
        onClose={() => setConfirming(false)}
        onConfirm={() => void haltAll()}
      />
    </Section>
  );
}

function Accounts() {
  const [wrong, setWrong] = createSignal<string | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const path = { account_id: String(form.get("account")).trim() };
    const state = form.get("state") as (typeof STATES)[number];
    try {
      await done(api.PATCH("/api/v1/admin/accounts/{account_id}", { params: { path }, body: { state }, headers: headers() }));
      setWrong(null);
      notify(text.applied);
    } catch (error) {
      setWrong(messageOf(error));
    }
  };
  return (
    <Section title={text.accountEdit}>
      <form class="flex flex-col gap-3 p-4" onSubmit={(event) => void submit(event)}>
        <p class="text-muted text-2xs">{text.accountEditHint}</p>
        <div class="flex flex-wrap items-end gap-2">
          <label class="min-w-52 flex-1">
            <span class="label">{text.accountId}</span>
            <input class="field" name="account" required autocomplete="off" spellcheck={false} />
          </label>
          <label>
            <span class="label">{text.state}</span>
            <select class="field" name="state">
              <For each={STATES}>{(state) => <option value={state}>{state.replace("_", " ")}</option>}</For>
            </select>
          </label>
          <button class="button button-primary">{text.apply}</button>
        </div>
        <Show when={wrong()}>
          <p class="text-down text-xs" role="alert">
            {wrong()}
          </p>
        </Show>
      </form>
    </Section>
  );
}

function DeadLetters() {
  const letters = createQuery(() => ({
    queryKey: ["dead letters", adminKey()],
    queryFn: () =>
      done(api.GET("/api/v1/admin/dead-letters", { params: { query: { limit: 50 } }, headers: headers() })),
    refetchInterval: REFRESH_MS,
  }));
  const replay = async (id: number) => {
    const params = { path: { id } } as never;
    try {
      await done(api.POST("/api/v1/admin/dead-letters/{id}/replay", { params, headers: headers() }));
      notify(text.replayed);
    } catch (error) {
      notify(messageOf(error), "warn");
    }
    void letters.refetch();
  };
  return (
    <Section title={text.deadLetters}>
      <Show when={letters.data?.items.length} fallback={<Empty>{letters.isLoading ? text.loading : text.noDeadLetters}</Empty>}>
        <table class="table">
          <thead>
            <tr>
              <th>{text.time}</th>
              <th>{text.functionName}</th>
              <th>{text.reason}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            <For each={letters.data!.items}>
              {(letter) => (
                <tr>
                  <td class="text-muted">{format.moment(letter.put_aside_at)}</td>
                  <td>{letter.function}</td>
                  <td class="text-muted max-w-80 truncate">{letter.reason}</td>
                  <td class="num">
                    <button class="chip border-line h-5 border px-1.5" onClick={() => void replay(letter.id)}>
                      {text.replay}
                    </button>
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </Show>
    </Section>
  );
}

interface Store {
  status: "ready" | "degraded" | "gone";
  took_ms: number;
}

function Stores() {
  const ready = createQuery(() => ({
    queryKey: ["ready"],
    // The response lists the stores also while one of them is not ready (status 503).
    queryFn: async () => ((await (await fetch("/ready")).json()) as { stores: Record<string, Store> }).stores,
    refetchInterval: REFRESH_MS,
  }));
  return (
    <Section title={text.stores}>
      <table class="table" data-testid="stores">
        <tbody>
          <For each={Object.entries(ready.data ?? {})}>
            {([name, store]) => (
              <tr>
                <td class="font-medium">{name}</td>
                <td class={store.status === "ready" ? "text-up" : "text-down"}>
                  {store.status === "ready" ? "✓" : "!"} {store.status}
                </td>
                <td class="num text-muted">{store.took_ms.toFixed(1)} ms</td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </Section>
  );
}

function Unlock() {
  const [wrong, setWrong] = createSignal<string | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get("key")).trim();
    try {
      await done(api.GET("/api/v1/admin/dead-letters", { params: { query: { limit: 1 } }, headers: { "x-api-key": key } }));
      setAdminKey(key);
    } catch (error) {
      setWrong(messageOf(error));
    }
  };
  return (
    <form class="panel max-w-md" onSubmit={(event) => void submit(event)}>
      <div class="flex flex-col gap-3 p-4">
        <p class="text-muted text-xs">{text.operateHint}</p>
        <label>
          <span class="label">{text.adminKey}</span>
          <input class="field" name="key" type="password" required autocomplete="off" />
        </label>
        <Show when={wrong()}>
          <p class="text-down text-xs" role="alert">
            {wrong()}
          </p>
        </Show>
        <button class="button button-primary self-start">{text.unlock}</button>
      </div>
    </form>
  );
}

export default function Operate() {
  onMount(() => (document.title = `${text.operate} · ${text.product}`));
  return (
    <div class="min-h-0 flex-1 overflow-auto">
      <div class="mx-auto flex max-w-6xl flex-col gap-1.5 p-1.5">
        <div class="flex h-9 items-center justify-between px-1">
          <h1 class="text-sm font-semibold">{text.operate}</h1>
          <Show when={adminKey()}>
            <button class="chip" onClick={() => setAdminKey(null)}>
              {text.lock}
            </button>
          </Show>
        </div>
        <Show when={adminKey()} fallback={<Unlock />}>
          <div class="grid gap-1.5 md:grid-cols-2">
            <Instruments />
            <DeadLetters />
            <Accounts />
            <Stores />
          </div>
        </Show>
        <Show when={!adminKey()}>
          <div class="max-w-md">
            <Stores />
          </div>
        </Show>
      </div>
    </div>
  );
}
