import { createEffect, createSignal, Show } from "solid-js";

import type { Order } from "../api/client";
import { tickOf } from "../instruments";
import { Dialog } from "../parts/Dialog";
import { text } from "../texts";
import { nameOf, replaceOrder } from "./orders";
import { TextField } from "./TicketFields";

/** Change the quantity and the prices of an open order. Only what changed is sent. */
export function EditOrder(props: { order: Order | null; onClose: () => void }) {
  const [quantity, setQuantity] = createSignal("");
  const [limit, setLimit] = createSignal("");
  const [stop, setStop] = createSignal("");
  createEffect(() => {
    setQuantity(props.order?.quantity ?? "");
    setLimit(props.order?.limit_price ?? "");
    setStop(props.order?.stop_price ?? "");
  });
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const order = props.order!;
    const change = {
      ...(quantity() !== order.quantity ? { quantity: quantity() } : {}),
      ...(order.limit_price && limit() !== order.limit_price ? { limit_price: limit() } : {}),
      ...(order.stop_price && stop() !== order.stop_price ? { stop_price: stop() } : {}),
    };
    if (Object.keys(change).length === 0 || (await replaceOrder(order, change))) props.onClose();
  };
  return (
    <Dialog open={props.order !== null} title={text.editTitle} onClose={props.onClose}>
      <Show when={props.order}>
        {(order) => (
          <form class="flex flex-col gap-3" onSubmit={(event) => void submit(event)}>
            <p class="text-muted text-xs">{nameOf(order())}</p>
            <TextField label={text.quantity} name="quantity" value={quantity()} onInput={setQuantity} step="1" />
            <Show when={order().limit_price}>
              <TextField label={text.limitPrice} name="limit_price" value={limit()} onInput={setLimit} step={tickOf(order().symbol)} />
            </Show>
            <Show when={order().stop_price && order().type !== "trailing_stop"}>
              <TextField label={text.stopPrice} name="stop_price" value={stop()} onInput={setStop} step={tickOf(order().symbol)} />
            </Show>
            <div class="mt-1 flex justify-end gap-2">
              <button type="button" class="button" onClick={props.onClose}>
                {text.cancel}
              </button>
              <button class="button button-primary">{text.replace}</button>
            </div>
          </form>
        )}
      </Show>
    </Dialog>
  );
}
