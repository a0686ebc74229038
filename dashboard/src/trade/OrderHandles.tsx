import { createSignal, For, onCleanup, onMount, Show } from "solid-js";

import type { Order } from "../api/client";
import { decimals, tickOf } from "../instruments";
import * as format from "../number";
import { text } from "../texts";
import type { ChartEngine } from "./ChartEngine";
import { cancelOrder, priceField, replacePrice } from "./orders";

/** The highest and lowest position of a handle: within the chart, above its time scale. */
const TOP_PX = 12;
const BOTTOM_PX = 40;

/** The price that a drag changes: the stop price of stop orders, else the limit price. */
export function lineOf(order: Order): string | null {
  const field = priceField(order);
  return field ? order[field] : null;
}

function Handle(props: { order: Order; engine: ChartEngine; onDrag: (id: string, price: number | null) => void }) {
  let element: HTMLDivElement | undefined;
  const [draft, setDraft] = createSignal<string | null>(null);
  const tick = () => tickOf(props.order.symbol);
  const price = () => draft() ?? lineOf(props.order) ?? "0";
  const label = () =>
    `${text[props.order.side]} ${format.quantity(props.order.remaining_quantity)} · ${text.types[props.order.type]}`;
  const show = (value: string | null) => {
    setDraft(value);
    props.onDrag(props.order.id, value === null ? null : Number(value));
  };
  const commit = async () => {
    const wanted = draft();
    if (wanted !== null && Number(wanted) !== Number(lineOf(props.order))) await replacePrice(props.order, wanted);
    show(null);
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || (event.target as HTMLElement).closest("[data-cancel]")) return;
    event.preventDefault();
    element!.focus();
    element!.setPointerCapture(event.pointerId);
    const top = element!.parentElement!.getBoundingClientRect().top;
    const from = props.engine.priceAt(event.clientY - top);
    const before = Number(price());
    const move = (moved: PointerEvent) => {
      const at = props.engine.priceAt(moved.clientY - top);
      // By the distance from where it was taken: a handle at the edge keeps its price until it moves.
      if (at !== null && from !== null) show(format.step(before + at - from, tick(), 0));
    };
    const end = () => {
      element!.removeEventListener("pointermove", move);
      void commit();
    };
    element!.addEventListener("pointermove", move);
    element!.addEventListener("pointerup", end, { once: true });
    element!.addEventListener("pointercancel", () => (element!.removeEventListener("pointermove", move), show(null)), {
      once: true,
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (by) {
      event.preventDefault();
      show(format.step(price(), tick(), by));
    } else if (event.key === "Enter") void commit();
    else if (event.key === "Escape") show(null);
    else if (event.key === "Delete" || event.key === "x") void cancelOrder(props.order);
    else return;
    event.stopPropagation();
  };
  // The price scale has no event for its changes, so the position is computed each frame.
  onMount(() => {
    let frame = 0;
    const place = () => {
      const y = props.engine.yOf(Number(price()));
      // A price that is out of sight is at the edge, so that the order can be found and moved.
      const lowest = element!.parentElement!.clientHeight - BOTTOM_PX;
      element!.style.display = y === null ? "none" : "flex";
      if (y !== null) {
        const at = Math.max(TOP_PX, Math.min(lowest, Math.round(y)));
        element!.style.opacity = at === Math.round(y) ? "1" : "0.65";
        element!.style.transform = `translateY(${at - 10}px)`;
      }
      element!.style.right = `${props.engine.scaleWidth + 6}px`;
      frame = requestAnimationFrame(place);
    };
    place();
    onCleanup(() => cancelAnimationFrame(frame));
  });
  return (
    <div
      ref={element}
      role="slider"
      tabindex={0}
      class="bg-panel pointer-events-auto absolute top-0 flex h-5 cursor-ns-resize touch-none items-center gap-1.5 rounded border pl-1.5 text-[0.625rem] font-medium whitespace-nowrap select-none max-md:h-8"
      classList={{
        "border-up text-up": props.order.side === "buy",
        "border-down text-down": props.order.side === "sell",
      }}
      aria-label={`${label()}. ${text.dragHint}`}
      aria-valuenow={Number(price())}
      aria-valuemin={0}
      aria-valuemax={Number(price()) * 2}
      aria-valuetext={price()}
      title={text.dragHint}
      data-testid="order-line"
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    >
      <span>{label()}</span>
      <Show when={draft() !== null}>
        <span class="text-ink">{format.price(price(), decimals(props.order.symbol))}</span>
      </Show>
      <span
        data-cancel
        class="border-line hover:bg-raised text-muted h-full cursor-pointer border-l px-1.5 leading-4.5 max-md:px-3 max-md:leading-8"
        onClick={() => void cancelOrder(props.order)}
        aria-hidden="true"
        title={text.cancelOrder(label())}
      >
        ✕
      </span>
    </div>
  );
}

/** Own open orders on the chart, each with a line that can be dragged to another price. */
export function OrderHandles(props: {
  orders: Order[];
  engine: ChartEngine;
  onDrag: (id: string, price: number | null) => void;
}) {
  return (
    <div class="pointer-events-none absolute inset-0 z-3 overflow-hidden">
      <For each={props.orders}>{(order) => <Handle order={order} engine={props.engine} onDrag={props.onDrag} />}</For>
    </div>
  );
}
