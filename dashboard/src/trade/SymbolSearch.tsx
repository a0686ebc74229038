import { createMemo, createSignal, createEffect, For, onCleanup, Show } from "solid-js";

import { choose, decimals, listed } from "../instruments";
import { follow, markOf, quoteOf } from "../live/market";
import * as format from "../number";
import { text } from "../texts";
import { Dialog } from "../parts/Dialog";

const SHOWN_MAX = 20;

function Row(props: { symbol: string; name: string | null; isActive: boolean; onChoose: () => void }) {
  onCleanup(follow(props.symbol, ["quotes"]));
  return (
    <li
      role="option"
      id={`option-${props.symbol}`}
      aria-selected={props.isActive}
      class="flex cursor-pointer items-center gap-3 rounded px-2.5 py-2 text-xs"
      classList={{ "bg-raised": props.isActive }}
      onClick={() => props.onChoose()}
    >
      <span class="w-16 font-semibold">{props.symbol}</span>
      <span class="text-muted min-w-0 flex-1 truncate">{props.name}</span>
      <span class="tabular-nums">{format.price(markOf(quoteOf(props.symbol)), decimals(props.symbol))}</span>
    </li>
  );
}

/** Find an instrument by its symbol or name. */
export function SymbolSearch(props: { open: boolean; onClose: () => void }) {
  const [query, setQuery] = createSignal("");
  const [active, setActive] = createSignal(0);
  const found = createMemo(() => {
    const words = query().trim().toLowerCase();
    const all = listed().filter(
      (each) => each.symbol.toLowerCase().startsWith(words) || (each.name ?? "").toLowerCase().includes(words),
    );
    return all.slice(0, SHOWN_MAX);
  });
  createEffect(() => {
    if (props.open) {
      setQuery("");
      setActive(0);
    }
  });
  const take = (symbol: string | undefined) => {
    if (symbol) choose(symbol);
    props.onClose();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const by = event.key === "ArrowDown" ? 1 : -1;
      setActive((index) => Math.max(0, Math.min(found().length - 1, index + by)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(found()[active()]?.symbol);
    }
  };
  return (
    <Dialog open={props.open} title={text.search} onClose={props.onClose}>
      <input
        class="field mb-2"
        placeholder={text.searchHint}
        aria-label={text.searchHint}
        role="combobox"
        aria-expanded="true"
        aria-controls="symbol-options"
        aria-activedescendant={found()[active()] ? `option-${found()[active()]!.symbol}` : undefined}
        autocomplete="off"
        spellcheck={false}
        autofocus
        value={query()}
        onInput={(event) => (setQuery(event.currentTarget.value), setActive(0))}
        onKeyDown={onKeyDown}
      />
      <ul id="symbol-options" role="listbox" aria-label={text.instruments} class="max-h-80 overflow-y-auto">
        <For each={found()}>
          {(each, index) => (
            <Row symbol={each.symbol} name={each.name} isActive={index() === active()} onChoose={() => take(each.symbol)} />
          )}
        </For>
      </ul>
      <Show when={found().length === 0}>
        <p class="text-muted px-2.5 py-2 text-xs">{text.noMatch}</p>
      </Show>
    </Dialog>
  );
}
