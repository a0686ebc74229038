import { createSignal, createUniqueId, For, Show } from "solid-js";

import { tickOf } from "../instruments";
import { step } from "../number";
import { text } from "../texts";
import { hasLimit, setTicket, type Ticket, ticket } from "./ticket";

/** A select whose options are the keys of `options`. */
export function Choice<Name extends string>(props: {
  label: string;
  options: Record<Name, string>;
  value: Name;
  onChange: (name: Name) => void;
  disabled?: boolean;
}) {
  const id = createUniqueId();
  return (
    <div class="min-w-0">
      <label class="label" for={id}>
        {props.label}
      </label>
      <select
        id={id}
        class="field px-2"
        value={props.value}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.currentTarget.value as Name)}
      >
        <For each={Object.entries(props.options) as [Name, string][]}>
          {([name, label]) => <option value={name}>{label}</option>}
        </For>
      </select>
    </div>
  );
}

/** A field for a decimal number. Arrow keys move it by `step`. It keeps the text that a person types. */
export function TextField(props: {
  label: string;
  name: string;
  value: string;
  onInput: (value: string) => void;
  step?: string;
  type?: string;
  wrong?: string | null;
  ref?: (element: HTMLInputElement) => void;
}) {
  const id = createUniqueId();
  const isWrong = () => Boolean(props.wrong && (props.wrong === props.name || props.wrong.startsWith(`${props.name}.`)));
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (!by || !props.step) return;
    event.preventDefault();
    props.onInput(step(props.value || "0", props.step, by));
  };
  return (
    <div class="min-w-0">
      <label class="label truncate" for={id} title={props.label}>
        {props.label}
      </label>
      <input
        ref={(element) => props.ref?.(element)}
        id={id}
        name={props.name}
        class="field text-right"
        type={props.type ?? "text"}
        inputmode={props.type ? undefined : "decimal"}
        autocomplete="off"
        value={props.value}
        aria-invalid={isWrong()}
        onInput={(event) => props.onInput(props.type ? event.currentTarget.value : event.currentTarget.value.replace(",", ".").trim())}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}

type PriceName = "limitPrice" | "stopPrice" | "takeProfit" | "stopLoss" | "stopLossLimit";

/** A price of the ticket. Arrow keys move it by the instrument's tick. */
export function PriceField(props: { label: string; name: string; field: PriceName; symbol: string; wrong?: string | null }) {
  return (
    <TextField
      label={props.label}
      name={props.name}
      value={ticket[props.field]}
      onInput={(value) => setTicket(props.field, value)}
      step={tickOf(props.symbol)}
      wrong={props.wrong}
    />
  );
}

function Check(props: { label: string; hint: string; field: "postOnly" | "reduceOnly"; disabled?: boolean }) {
  return (
    <label class="flex items-center gap-2 text-xs max-md:h-9" title={props.hint}>
      <input
        type="checkbox"
        class="accent-accent-fill size-3.5 max-md:size-5"
        checked={ticket[props.field]}
        disabled={props.disabled}
        onChange={(event) => setTicket(props.field, event.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}

/** Post only, reduce only, and behind a button: visible quantity and self-trade prevention. */
export function Advanced(props: { wrong?: string | null }) {
  const [isOpen, setOpen] = createSignal(false);
  return (
    <>
      <div class="flex items-center gap-4">
        <Check label={text.postOnly} hint={text.postOnlyHint} field="postOnly" disabled={!hasLimit()} />
        <Check label={text.reduceOnly} hint={text.reduceOnlyHint} field="reduceOnly" />
        <button type="button" class="chip ml-auto px-1" aria-expanded={isOpen()} onClick={() => setOpen(!isOpen())}>
          {isOpen() ? text.less : text.more}
        </button>
      </div>
      <Show when={isOpen()}>
        <TextField
          label={text.displayQuantity}
          name="display_quantity"
          value={ticket.displayQuantity}
          onInput={(value) => setTicket("displayQuantity", value)}
          wrong={props.wrong}
        />
        <Choice
          label={text.selfTrade}
          options={text.selfTrades as Record<Ticket["selfTrade"], string>}
          value={ticket.selfTrade}
          onChange={(value) => setTicket("selfTrade", value)}
        />
      </Show>
    </>
  );
}
