import { For, Show } from "solid-js";

import { logout, sessionState } from "../api/session";
import { account } from "../live/account";
import { totals } from "../live/valuation";
import { latency, liveState, staleFor } from "../live/socket";
import * as format from "../number";
import { preferences, setPreferences } from "../preferences";
import { go, route } from "../router";
import { text } from "../texts";
import { showHelp } from "./Help";

const DOTS = { live: "bg-up", stale: "bg-warn", connecting: "bg-warn", offline: "bg-down" } as const;

function Connection() {
  const label = () => {
    const state = liveState();
    if (state === "stale") return text.connection.age((staleFor() / 1000).toFixed(0));
    if (state === "live" && latency() !== null) return `${text.connection.live} · ${latency()} ms`;
    return text.connection[state];
  };
  return (
    <span class="text-muted flex items-center gap-1.5 text-2xs whitespace-nowrap" data-testid="connection" data-state={liveState()}>
      <span class={`size-1.5 rounded-full ${DOTS[liveState()]}`} aria-hidden="true" />
      <span class="hidden min-w-16 sm:inline">{label()}</span>
    </span>
  );
}

function Links() {
  const pages = () =>
    sessionState() === "in"
      ? [["trade", text.trade], ["portfolio", text.portfolio], ["account", text.accountPage], ["operate", text.operate]]
      : [["trade", text.trade], ["operate", text.operate]];
  return (
    <nav class="flex min-w-0 items-center gap-0.5 overflow-x-auto" aria-label={text.product}>
      <For each={pages()}>
        {([name, label]) => (
          <a
            href={`#/${name}`}
            class="rounded px-2.5 py-1.5 text-xs font-medium whitespace-nowrap transition-colors max-md:px-2"
            classList={{ "text-ink bg-raised": route() === name, "text-muted hover:text-ink": route() !== name }}
            aria-current={route() === name ? "page" : undefined}
          >
            {label}
          </a>
        )}
      </For>
    </nav>
  );
}

export function Header() {
  return (
    <header class="bg-panel border-line flex h-11 shrink-0 items-center gap-3 border-b px-3">
      <a href="#/trade" class="flex items-center gap-2 text-sm font-semibold whitespace-nowrap" aria-label={text.product}>
        <svg class="size-5" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="7" fill="var(--accent-fill)" />
          <path d="M9 7v18M16 10v12M23 6v14" stroke="#fff" stroke-width="1.6" stroke-linecap="round" opacity=".75" />
          <path d="M7 11h4v9H7zM14 13h4v6h-4zM21 9h4v7h-4z" fill="#fff" />
        </svg>
        <span class="hidden lg:inline">{text.product}</span>
      </a>
      <Links />
      <div class="ml-auto flex items-center gap-2.5">
        <Show when={account.portfolio}>
          {(portfolio) => (
            <span class="text-muted hidden text-2xs lg:inline">
              {text.equity} <span class="text-ink text-xs font-medium" data-testid="header-equity">{format.money(totals().equity)}</span>{" "}
              {portfolio().currency}
            </span>
          )}
        </Show>
        <span class="badge hidden sm:inline-flex" title={text.paperHint}>
          {text.paper}
        </span>
        <Connection />
        <button
          class="chip hidden px-1.5 sm:inline-flex"
          aria-label={text.theme}
          title={text.theme}
          onClick={() => setPreferences("theme", preferences.theme === "dark" ? "light" : "dark")}
        >
          <svg class="size-4" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
            <path d="M8 1.5a6.5 6.5 0 1 0 0 13zm0 1.3v10.4" />
            <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.3" />
          </svg>
        </button>
        <button class="chip hidden px-2 sm:inline-flex" aria-label={text.help} title={`${text.help} (?)`} onClick={showHelp}>
          ?
        </button>
        <Show
          when={sessionState() === "in"}
          fallback={
            <button class="button button-primary h-7 max-md:h-8" onClick={() => go("login")}>
              {text.login}
            </button>
          }
        >
          <button class="chip border-line border whitespace-nowrap" onClick={() => void logout().then(() => go("login"))}>
            {text.logout}
          </button>
        </Show>
      </div>
    </header>
  );
}
