import "./styles.css";

import { render } from "solid-js/web";

import { resume } from "./api/session";
import { App } from "./App";
import { start as startAccount } from "./live/account";
import { counters } from "./live/market";
import { start as startSocket } from "./live/socket";

startAccount();
startSocket();
void resume();
// Tests and the bench read how many messages arrived and how many gaps were healed.
Object.assign(window, { ciftCounters: counters });
render(() => <App />, document.getElementById("app")!);
