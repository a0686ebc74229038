import { createResource, createRoot } from "solid-js";

import { api, done, type SymbolInfo } from "./api/client";
import { decimalsOf } from "./number";
import { preferences, setPreferences } from "./preferences";

const SYMBOLS_MAX = 200;

async function load(): Promise<SymbolInfo[]> {
  const page = await done(api.GET("/api/v1/market-data/symbols", { params: { query: { limit: SYMBOLS_MAX } } }));
  return page.items;
}

const [instruments, { refetch }] = createRoot(() => createResource(load));
export const refetchInstruments = refetch;

/** The first 200 instruments, by symbol; search finds the others. */
export const listed = (): SymbolInfo[] => (instruments.state === "errored" ? [] : (instruments.latest ?? []));
export const instrumentsFailed = (): boolean => instruments.state === "errored";

const FIRST_CHOICE = "SPY";

/** The chosen symbol; before a choice SPY, or the first one. Empty while the list is loading. */
export function symbol(): string {
  const known = listed();
  if (preferences.symbol && (known.length === 0 || known.length >= SYMBOLS_MAX)) return preferences.symbol;
  if (known.some((each) => each.symbol === preferences.symbol)) return preferences.symbol;
  return (known.find((each) => each.symbol === FIRST_CHOICE) ?? known[0])?.symbol ?? "";
}

export const infoOf = (name: string): SymbolInfo | undefined => listed().find((each) => each.symbol === name);
export const tickOf = (name: string): string => infoOf(name)?.tick ?? "0.01";
export const decimals = (name: string): number => Math.max(decimalsOf(infoOf(name)?.tick), 2);

export function choose(name: string): void {
  setPreferences("symbol", name);
}
