import "./styles.css";

import { render } from "solid-js/web";

import { resume } from "./api/session";
import { App } from "./App";
import { start as startAccount } from "./live/account";
import { counters } from "./live/market";
import { start as startSocket } from "./live/socket";

// The exchange was updated and no longer has the file of a page that was not shown yet: load the new dashboard, but
// not again and again.
const RELOADED_AT = "cift.reloaded-at";
const RELOAD_EVERY_MS = 60_000;
addEventListener("vite:preloadError", () => {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED_AT) ?? 0) < RELOAD_EVERY_MS) return;
  sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  void fetch("/", { cache: "no-store" }).then((response) => response.ok && location.reload());
});

startAccount();
startSocket();
void resume();
// Tests and the bench read how many messages arrived and how many gaps were healed.
Object.assign(window, { ciftCounters: counters });
render(() => <App />, document.getElementById("app")!);
