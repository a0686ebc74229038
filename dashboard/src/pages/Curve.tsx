import { createQuery } from "@tanstack/solid-query";
import { createMemo, createSignal, Show } from "solid-js";

import { api, done } from "../api/client";
import { account } from "../live/account";
import * as format from "../number";
import { Tabs } from "../parts/Tabs";
import { text } from "../texts";
import { Empty } from "../trade/Tables";

const WIDTH = 1000;
const HEIGHT = 160;
const DRAWDOWN_HEIGHT = 44;
const REFRESH_MS = 30_000;
const DAY_MS = 86_400_000;

/** Each range has an interval that gives some hundred points; the last one is the account's whole life. */
const RANGES = {
  day: { interval: "1m", days: 1 },
  week: { interval: "15m", days: 7 },
  month: { interval: "1h", days: 30 },
  all: { interval: "1d", days: null },
} as const;
type Range = keyof typeof RANGES;

function pathOf(values: number[], low: number, high: number, height: number): string {
  const range = high - low || 1;
  const step = WIDTH / Math.max(values.length - 1, 1);
  const y = (value: number) => (((high - value) / range) * (height - 4) + 2).toFixed(1);
  if (values.length === 1) return `M0 ${y(values[0]!)}L${WIDTH} ${y(values[0]!)}`;
  return values.map((value, index) => `${index ? "L" : "M"}${(index * step).toFixed(1)} ${y(value)}`).join("");
}

/** The account's equity over time, with its drawdown below. */
export function Curve() {
  const [range, setRange] = createSignal<Range>("day");
  const history = createQuery(() => ({
    queryKey: ["equity", range(), account.fills[0]?.id],
    queryFn: () => {
      const { interval, days } = RANGES[range()];
      const start = days === null ? {} : { start: new Date(Date.now() - days * DAY_MS).toISOString() };
      return done(api.GET("/api/v1/trading/portfolio/history", { params: { query: { interval, ...start } } }));
    },
    refetchInterval: REFRESH_MS,
    placeholderData: (before: unknown) => before as never,
  }));
  // Before its first deposit an account has no equity.
  const points = createMemo(() => {
    const items = history.data?.items ?? [];
    const first = items.findIndex((item) => Number(item.equity) !== 0);
    return first < 0 ? [] : items.slice(first);
  });
  const equity = () => points().map((point) => Number(point.equity));
  const drawdowns = () => points().map((point) => Number(point.drawdown));
  const low = () => Math.min(...equity());
  const high = () => Math.max(...equity());
  // A constant curve is in the middle of its panel.
  const margin = () => (high() > low() ? 0 : 1);
  const last = () => points().at(-1);
  const worst = () => Math.min(0, ...drawdowns());
  const stroke = () => (Number(last()?.profit ?? 0) >= 0 ? "var(--up)" : "var(--down)");
  const tabs = () => (Object.keys(RANGES) as Range[]).map((name) => [name, text.ranges[name], undefined] as const);
  return (
    <section class="panel" aria-label={text.equityCurve} data-testid="curve">
      <div class="panel-head justify-between pr-2">
        <h2 class="panel-title">{text.equityCurve}</h2>
        <Tabs label={text.equityCurve} tabs={tabs()} chosen={range()} onChoose={setRange} />
      </div>
      <div class="flex h-66 flex-col px-3 py-2">
        <Show when={points().length} fallback={<Empty>{history.isLoading ? text.loading : text.noCurve}</Empty>}>
          <div class="text-muted mb-1 flex flex-wrap gap-x-4 text-2xs">
            <span>
              {text.profit}{" "}
              <span class={`font-medium ${format.toneOf(last()!.profit)}`}>{format.signed(last()!.profit)}</span>
            </span>
            <span>
              {text.drawdown} <span class={`font-medium ${format.toneOf(worst())}`}>{format.signed(worst())}</span>
            </span>
            <span class="ml-auto">
              {format.money(low())} – {format.money(high())}
            </span>
          </div>
          <svg
            class="h-40 w-full"
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${text.equityCurve}: ${format.money(last()!.equity)}`}
          >
            <path
              d={`${pathOf(equity(), low() - margin(), high() + margin(), HEIGHT)}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`}
              fill={stroke()}
              opacity="0.08"
            />
            <path
              d={pathOf(equity(), low() - margin(), high() + margin(), HEIGHT)}
              fill="none"
              stroke={stroke()}
              stroke-width="1.5"
              vector-effect="non-scaling-stroke"
            />
          </svg>
          <svg class="h-9 w-full" viewBox={`0 0 ${WIDTH} ${DRAWDOWN_HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
            <path
              d={`${pathOf(drawdowns(), Math.min(worst(), -1e-9), 0, DRAWDOWN_HEIGHT)}L${WIDTH} 2L0 2Z`}
              fill="var(--down)"
              opacity="0.25"
            />
          </svg>
          <div class="text-muted flex justify-between text-[0.625rem]">
            <span>{format.moment(points()[0]!.start)}</span>
            <span>{format.moment(last()!.start)}</span>
          </div>
        </Show>
      </div>
    </section>
  );
}
