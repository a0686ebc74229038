// Routes are in the fragment (`#/portfolio`): the exchange serves one page, and a reload needs no rule of a server.

import { createSignal } from "solid-js";

function current(): string {
  return location.hash.replace(/^#\/?/, "") || "trade";
}

const [route, setRoute] = createSignal(current());
addEventListener("hashchange", () => setRoute(current()));
export { route };

export function go(name: string): void {
  location.hash = `#/${name}`;
}
