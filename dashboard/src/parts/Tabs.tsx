import { For } from "solid-js";

/** A list of tabs, with arrow keys between them (WAI-ARIA tabs pattern). */
export function Tabs<Name extends string>(props: {
  label: string;
  tabs: readonly (readonly [Name, string, (number | undefined)?])[];
  chosen: Name;
  onChoose: (name: Name) => void;
  class?: string;
}) {
  const move = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    const index = props.tabs.findIndex(([name]) => name === props.chosen);
    const next = props.tabs[(index + by + props.tabs.length) % props.tabs.length]!;
    props.onChoose(next[0]);
    const list = event.currentTarget as HTMLElement;
    queueMicrotask(() => list.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  };
  return (
    <div role="tablist" aria-label={props.label} class={`flex items-center gap-0.5 ${props.class ?? ""}`} onKeyDown={move}>
      <For each={props.tabs}>
        {([name, label, count]) => (
          <button
            role="tab"
            class="chip"
            aria-selected={props.chosen === name}
            tabindex={props.chosen === name ? 0 : -1}
            onClick={() => props.onChoose(name)}
          >
            {label}
            {count !== undefined && <span class="text-muted ml-1.5 font-normal">{count}</span>}
          </button>
        )}
      </For>
    </div>
  );
}
