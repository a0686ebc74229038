// What a person chose on this device: theme, symbol, interval, indicators. Nothing secret is stored here.

import { createEffect, createRoot } from "solid-js";
import { createStore } from "solid-js/store";

const KEY = "cift.preferences";

export type Indicator = "ema20" | "ema50" | "vwap";

export interface Preferences {
  theme: "dark" | "light";
  symbol: string;
  interval: string;
  indicators: Indicator[];
  levels: Record<string, number[]>;
  review: boolean;
  bookSide: "both" | "bids" | "asks";
  grouping: number;
  toured: boolean;
}

const preferred = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
const initial: Preferences = {
  theme: preferred,
  symbol: "",
  interval: "",
  indicators: ["ema20"],
  levels: {},
  review: true,
  bookSide: "both",
  grouping: 1,
  toured: false,
};

function stored(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>;
  } catch {
    return {};
  }
}

const [preferences, setPreferences] = createStore<Preferences>({ ...initial, ...stored() });
export { preferences, setPreferences };

createRoot(() => {
  createEffect(() => {
    document.documentElement.dataset.theme = preferences.theme;
  });
  createEffect(() => {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  });
});
