import { createQuery, useQueryClient } from "@tanstack/solid-query";
import { createSignal, For, type JSX, onMount, Show } from "solid-js";

import { api, done, messageOf, newKey } from "../api/client";
import { logout } from "../api/session";
import { account, refreshSoon } from "../live/account";
import * as format from "../number";
import { Confirm } from "../parts/Dialog";
import { notify } from "../parts/toasts";
import { preferences, setPreferences } from "../preferences";
import { text } from "../texts";
import { Empty } from "../trade/Tables";
import { TextField } from "../trade/TicketFields";

const SCOPES = ["read", "trade", "funds"] as const;

function Section(props: { title: string; hint?: string; children: JSX.Element }) {
  return (
    <section class="panel" aria-label={props.title}>
      <div class="panel-head">
        <h2 class="panel-title">{props.title}</h2>
        <Show when={props.hint}>
          <span class="text-muted truncate text-2xs max-md:hidden">{props.hint}</span>
        </Show>
      </div>
      {props.children}
    </section>
  );
}

function Fact(props: { label: string; children: JSX.Element }) {
  return (
    <div class="flex items-baseline justify-between gap-4 py-1 text-xs">
      <dt class="text-muted whitespace-nowrap">{props.label}</dt>
      <dd class="truncate text-right">{props.children}</dd>
    </div>
  );
}

function Profile() {
  const me = createQuery(() => ({ queryKey: ["me"], queryFn: () => done(api.GET("/api/v1/auth/me")) }));
  return (
    <Section title={text.profile}>
      <dl class="px-4 py-2">
        <Fact label={text.username}>{me.data?.username ?? format.NONE}</Fact>
        <Fact label={text.email}>{me.data?.email ?? format.NONE}</Fact>
        <Fact label={text.accountId}>
          <code class="text-2xs">{me.data?.account_id ?? format.NONE}</code>
        </Fact>
        <Fact label={text.memberSince}>{format.date(me.data?.created_at)}</Fact>
        <Fact label={text.state}>
          {account.portfolio ? `${account.portfolio.state.replace("_", " ")} · ${account.portfolio.kind}` : format.NONE}
        </Fact>
        <Fact label={text.scopes}>{me.data?.scopes.join(", ") ?? format.NONE}</Fact>
      </dl>
    </Section>
  );
}

function Security() {
  const queries = useQueryClient();
  const [wrong, setWrong] = createSignal<string | null>(null);
  const [isConfirming, setConfirming] = createSignal(false);
  const sessions = createQuery(() => ({
    queryKey: ["sessions"],
    queryFn: () => done(api.GET("/api/v1/auth/sessions")),
  }));
  const change = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const values = new FormData(form);
    const body = {
      current_password: String(values.get("current")),
      new_password: String(values.get("new")),
      revoke_api_keys: false,
    };
    setWrong(null);
    try {
      await done(api.PUT("/api/v1/auth/password", { body }));
      form.reset();
      notify(text.passwordChanged);
    } catch (error) {
      setWrong(messageOf(error));
    }
    void queries.invalidateQueries({ queryKey: ["sessions"] });
  };
  const end = async (id: string) => {
    try {
      await done(api.DELETE("/api/v1/auth/sessions/{id}", { params: { path: { id } } }));
    } catch (error) {
      notify(messageOf(error), "warn");
    }
    void queries.invalidateQueries({ queryKey: ["sessions"] });
  };
  const endAll = async () => {
    try {
      await done(api.DELETE("/api/v1/auth/sessions"));
      await logout();
    } catch (error) {
      notify(messageOf(error), "warn");
    }
  };
  return (
    <Section title={text.security} hint={text.securityHint}>
      <form class="border-line flex flex-wrap items-end gap-3 border-b p-4" onSubmit={(event) => void change(event)}>
        <label class="min-w-40 flex-1">
          <span class="label">{text.currentPassword}</span>
          <input class="field" type="password" name="current" required autocomplete="current-password" />
        </label>
        <label class="min-w-40 flex-1">
          <span class="label">{text.newPassword}</span>
          <input class="field" type="password" name="new" required minlength="8" autocomplete="new-password" />
        </label>
        <button class="button button-primary">{text.changePassword}</button>
        <Show when={wrong()}>
          <p class="text-down w-full text-xs" role="alert">
            {wrong()}
          </p>
        </Show>
      </form>
      <div class="overflow-x-auto">
        <table class="table" data-testid="sessions">
          <thead>
            <tr>
              <th>{text.started}</th>
              <th>{text.lastUsed}</th>
              <th>{text.address}</th>
              <th>{text.program}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            <For each={sessions.data?.items}>
              {(session) => (
                <tr>
                  <td>{format.moment(session.started_at)}</td>
                  <td class="text-muted">{format.moment(session.last_used_at)}</td>
                  <td class="text-muted">{session.address ?? format.NONE}</td>
                  <td class="text-muted max-w-60 truncate">{session.user_agent ?? format.NONE}</td>
                  <td class="num">
                    <Show when={!session.is_current} fallback={text.thisSession}>
                      <button
                        class="chip border-line text-down h-5 border px-1.5 max-md:h-8"
                        aria-label={`${text.endSession} ${format.moment(session.started_at)}`}
                        onClick={() => void end(session.id)}
                      >
                        {text.endSession}
                      </button>
                    </Show>
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </div>
      <div class="flex p-4">
        <button class="button text-down ml-auto" onClick={() => setConfirming(true)}>
          {text.logoutEverywhere}
        </button>
      </div>
      <Confirm
        open={isConfirming()}
        title={text.logoutEverywhere}
        message={text.logoutEverywhereText}
        action={text.logoutEverywhere}
        onClose={() => setConfirming(false)}
        onConfirm={() => void endAll()}
      />
    </Section>
  );
}

function PaperMoney() {
  const [amount, setAmount] = createSignal("10000");
  const [isConfirming, setConfirming] = createSignal(false);
  const [wrong, setWrong] = createSignal<string | null>(null);
  const run = async (work: () => Promise<unknown>, message: string) => {
    setWrong(null);
    try {
      await work();
      notify(message);
    } catch (error) {
      setWrong(messageOf(error));
    }
    refreshSoon();
  };
  const move = (path: "deposit" | "withdraw") => {
    const body = { amount: amount() };
    const params = { header: { "idempotency-key": newKey() } };
    const message = path === "deposit" ? text.deposited(format.money(amount())) : text.withdrawn(format.money(amount()));
    void run(() => done(api.POST(`/api/v1/trading/account/${path}`, { body, params })), message);
  };
  const reset = () =>
    void run(
      () => done(api.POST("/api/v1/trading/account/reset", { params: { header: { "idempotency-key": newKey() } } })),
      text.resetDone,
    );
  return (
    <Section title={text.paperMoney}>
      <div class="flex flex-col gap-3 p-4">
        <dl>
          <Fact label={text.cash}>{`${format.money(account.portfolio?.cash)} ${account.portfolio?.currency ?? ""}`}</Fact>
          <Fact label={text.withdrawable}>{format.money(account.portfolio?.withdrawable)}</Fact>
        </dl>
        <TextField label={text.amount} name="amount" value={amount()} onInput={setAmount} step="1000" />
        <Show when={wrong()}>
          <p class="text-down text-xs" role="alert">
            {wrong()}
          </p>
        </Show>
        <div class="flex flex-wrap gap-2">
          <button class="button button-primary" onClick={() => move("deposit")}>
            {text.deposit}
          </button>
          <button class="button" onClick={() => move("withdraw")}>
            {text.withdraw}
          </button>
          <button class="button text-down ml-auto" onClick={() => setConfirming(true)}>
            {text.reset}
          </button>
        </div>
      </div>
      <Confirm
        open={isConfirming()}
        title={text.resetTitle}
        message={text.resetText}
        action={text.reset}
        onClose={() => setConfirming(false)}
        onConfirm={reset}
      />
    </Section>
  );
}

function Keys() {
  const queries = useQueryClient();
  const [created, setCreated] = createSignal<string | null>(null);
  const keys = createQuery(() => ({
    queryKey: ["keys"],
    queryFn: () => done(api.GET("/api/v1/auth/api-keys", { params: { query: { limit: 100 } } })),
  }));
  const live = () => keys.data?.items.filter((key) => key.revoked_at === null) ?? [];
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const scopes = SCOPES.filter((scope) => form.has(scope));
    try {
      const made = await done(api.POST("/api/v1/auth/api-keys", { body: { name: String(form.get("name")), scopes } }));
      setCreated(made.key);
    } catch (error) {
      notify(messageOf(error), "warn");
    }
    void queries.invalidateQueries({ queryKey: ["keys"] });
  };
  const revoke = async (id: string) => {
    try {
      await done(api.DELETE("/api/v1/auth/api-keys/{id}", { params: { path: { id } } }));
    } catch (error) {
      notify(messageOf(error), "warn");
    }
    void queries.invalidateQueries({ queryKey: ["keys"] });
  };
  const copy = async () => {
    await navigator.clipboard.writeText(created()!);
    notify(text.copied);
  };
  return (
    <Section title={text.keys} hint={text.keysHint}>
      <form class="border-line flex flex-wrap items-end gap-3 border-b p-4" onSubmit={(event) => void create(event)}>
        <label class="min-w-40 flex-1">
          <span class="label">{text.keyName}</span>
          <input class="field" name="name" required maxlength="64" autocomplete="off" />
        </label>
        <fieldset class="flex h-8 items-center gap-3 text-xs max-md:h-11">
          <legend class="sr-only">{text.scopes}</legend>
          <For each={SCOPES}>
            {(scope) => (
              <label class="flex items-center gap-1.5">
                <input type="checkbox" class="accent-accent-fill size-3.5" name={scope} checked={scope !== "funds"} />
                {scope}
              </label>
            )}
          </For>
        </fieldset>
        <button class="button button-primary">{text.createKey}</button>
      </form>
      <Show when={created()}>
        <div class="border-line bg-raised flex flex-wrap items-center gap-3 border-b px-4 py-3" role="status">
          <span class="text-xs">{text.keyCreated}</span>
          <code class="bg-panel border-line min-w-0 flex-1 overflow-x-auto rounded border px-2 py-1 text-2xs" data-testid="new-key">
            {created()}
          </code>
          <button class="button" onClick={() => void copy()}>
            {text.copy}
          </button>
          <button class="chip" aria-label={text.dismiss} onClick={() => setCreated(null)}>
            ✕
          </button>
        </div>
      </Show>
      <div class="overflow-x-auto">
        <Show when={live().length} fallback={<Empty>{keys.isLoading ? text.loading : format.NONE}</Empty>}>
          <table class="table" data-testid="keys">
            <thead>
              <tr>
                <th>{text.keyName}</th>
                <th>{text.scopes}</th>
                <th>{text.created}</th>
                <th>{text.lastUsed}</th>
                <th />
              </tr>
            </thead>
            <tbody>
              <For each={live()}>
                {(key) => (
                  <tr>
                    <td class="font-medium">{key.name}</td>
                    <td class="text-muted">{key.scopes.join(", ")}</td>
                    <td class="text-muted">{format.date(key.created_at)}</td>
                    <td class="text-muted">{key.last_used_at ? format.moment(key.last_used_at) : text.never}</td>
                    <td class="num">
                      <button
                        class="chip border-line text-down h-5 border px-1.5 max-md:h-8"
                        aria-label={`${text.revoke} ${key.name}`}
                        onClick={() => void revoke(key.id)}
                      >
                        {text.revoke}
                      </button>
                    </td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </Show>
      </div>
    </Section>
  );
}

function Settings() {
  return (
    <Section title={text.settings}>
      <div class="flex flex-col gap-3 p-4 text-xs">
        <label class="flex items-center gap-2">
          <input
            type="checkbox"
            class="accent-accent-fill size-3.5"
            checked={preferences.theme === "dark"}
            onChange={(event) => setPreferences("theme", event.currentTarget.checked ? "dark" : "light")}
          />
          {text.useDark}
        </label>
        <label class="flex items-center gap-2">
          <input
            type="checkbox"
            class="accent-accent-fill size-3.5"
            checked={preferences.review}
            onChange={(event) => setPreferences("review", event.currentTarget.checked)}
          />
          {text.reviewFirst}
        </label>
      </div>
    </Section>
  );
}

export default function Account() {
  onMount(() => (document.title = `${text.accountPage} · ${text.product}`));
  return (
    <div class="min-h-0 flex-1 overflow-auto">
      <div class="mx-auto grid max-w-6xl gap-1.5 p-1.5 md:grid-cols-2">
        <h1 class="sr-only">{text.accountPage}</h1>
        <Profile />
        <PaperMoney />
        <div class="md:col-span-2">
          <Keys />
        </div>
        <div class="md:col-span-2">
          <Security />
        </div>
        <Settings />
      </div>
    </div>
  );
}
