import { createMemo, Show } from "solid-js";

import type { Fill } from "../api/client";
import * as format from "../number";
import { text } from "../texts";
import { Empty } from "../trade/Tables";

const WIDTH = 1000;
const HEIGHT = 160;
const DRAWDOWN_HEIGHT = 44;

interface Sums {
  values: number[];
  drawdowns: number[];
  worst: number;
}

/** Cumulative realised profit and loss after fees, and its distance from its peak; oldest first, from zero. */
export function sumsOf(fills: readonly Fill[]): Sums {
  const values = [0];
  const drawdowns = [0];
  let [sum, peak, worst] = [0, 0, 0];
  for (let index = fills.length - 1; index >= 0; index--) {
    sum += Number(fills[index]!.realized_pnl) - Number(fills[index]!.fee);
    peak = Math.max(peak, sum);
    worst = Math.min(worst, sum - peak);
    values.push(sum);
    drawdowns.push(sum - peak);
  }
  return { values, drawdowns, worst };
}

function pathOf(values: number[], low: number, high: number, height: number): string {
  const range = high - low || 1;
  const step = WIDTH / Math.max(values.length - 1, 1);
  return values
    .map((value, index) => `${index ? "L" : "M"}${(index * step).toFixed(1)} ${(((high - value) / range) * (height - 4) + 2).toFixed(1)}`)
    .join("");
}

/** The curve of realised profit and loss, with its drawdown below. */
export function Curve(props: { fills: Fill[] }) {
  const sums = createMemo(() => sumsOf(props.fills));
  const low = () => Math.min(...sums().values);
  const high = () => Math.max(...sums().values);
  const zero = () => ((high() - 0) / (high() - low() || 1)) * (HEIGHT - 4) + 2;
  const last = () => sums().values.at(-1) ?? 0;
  return (
    <Show when={high() > low()} fallback={<Empty>{text.noCurve}</Empty>}>
      <div class="flex flex-col px-3 py-2">
        <div class="text-muted mb-1 flex gap-4 text-2xs">
          <span>
            {text.realized} <span class={`font-medium ${format.toneOf(last())}`}>{format.signed(last())}</span>
          </span>
          <span>
            {text.drawdown} <span class={`font-medium ${format.toneOf(sums().worst)}`}>{format.signed(sums().worst)}</span>
          </span>
          <span class="ml-auto">
            {format.signed(low())} … {format.signed(high())}
          </span>
        </div>
        <svg
          class="h-40 w-full"
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${text.realizedCurve}: ${format.signed(last())}`}
        >
          <line x1="0" x2={WIDTH} y1={zero()} y2={zero()} stroke="var(--line)" vector-effect="non-scaling-stroke" />
          <path
            d={pathOf(sums().values, low(), high(), HEIGHT)}
            fill="none"
            stroke={last() >= 0 ? "var(--up)" : "var(--down)"}
            stroke-width="1.5"
            vector-effect="non-scaling-stroke"
          />
        </svg>
        <svg class="h-11 w-full" viewBox={`0 0 ${WIDTH} ${DRAWDOWN_HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <path
            d={`${pathOf(sums().drawdowns, Math.min(sums().worst, -1e-9), 0, DRAWDOWN_HEIGHT)}L${WIDTH} 2L0 2Z`}
            fill="var(--down)"
            opacity="0.25"
          />
        </svg>
      </div>
    </Show>
  );
}
