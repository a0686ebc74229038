import { QueryClient, QueryClientProvider } from "@tanstack/solid-query";
import { createEffect, lazy, Match, onCleanup, Show, Suspense, Switch } from "solid-js";

import { sessionState } from "./api/session";
import { onKey } from "./keys";
import { Header } from "./parts/Header";
import { Help } from "./parts/Help";
import { Toasts } from "./parts/toasts";
import { VersionNotice } from "./parts/VersionNotice";
import { setPreferences, preferences } from "./preferences";
import { go, route } from "./router";
import { text } from "./texts";
import { Trade } from "./trade/Trade";

const Portfolio = lazy(() => import("./pages/Portfolio"));
const Account = lazy(() => import("./pages/Account"));
const Operate = lazy(() => import("./pages/Operate"));
const Entrance = lazy(() => import("./pages/Entrance"));

const queries = new QueryClient({
  defaultOptions: { queries: { retry: 1, staleTime: 2_000, refetchOnWindowFocus: true } },
});
const PUBLIC = new Set(["trade", "operate", "login", "register"]);

function Loading() {
  return <p class="text-muted p-6 text-xs">{text.loading}</p>;
}

export function App() {
  const ends = [
    onKey("g t", () => go("trade")),
    onKey("g p", () => go("portfolio")),
    onKey("g a", () => go("account")),
    onKey("g o", () => go("operate")),
    onKey("Alt+t", () => setPreferences("theme", preferences.theme === "dark" ? "light" : "dark")),
  ];
  onCleanup(() => ends.forEach((end) => end()));
  createEffect(() => {
    const isEntrance = route() === "login" || route() === "register";
    if (sessionState() === "out" && !PUBLIC.has(route())) go("login");
    if (sessionState() === "in" && isEntrance) go("trade");
  });
  return (
    <QueryClientProvider client={queries}>
      <div class="flex h-dvh min-h-0 flex-col">
        <Header />
        <VersionNotice />
        <main class="flex min-h-0 flex-1 flex-col overflow-hidden">
          <Show when={sessionState() !== "starting"} fallback={<Loading />}>
            <Suspense fallback={<Loading />}>
              <Switch fallback={<Trade />}>
                <Match when={route() === "portfolio" && sessionState() === "in"}>
                  <Portfolio />
                </Match>
                <Match when={route() === "account" && sessionState() === "in"}>
                  <Account />
                </Match>
                <Match when={route() === "operate"}>
                  <Operate />
                </Match>
                <Match when={route() === "login" || route() === "register"}>
                  <Entrance />
                </Match>
              </Switch>
            </Suspense>
          </Show>
        </main>
        <Toasts />
        <Help />
      </div>
    </QueryClientProvider>
  );
}
