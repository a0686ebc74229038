import { createSignal, For, onCleanup } from "solid-js";

import { onKey } from "../keys";
import { text } from "../texts";
import { Dialog } from "./Dialog";

const [open, setOpen] = createSignal(false);
export const showHelp = () => setOpen(true);

/** The list of keys, and links to what is beside the dashboard. */
export function Help() {
  onCleanup(onKey("?", () => setOpen(true)));
  return (
    <Dialog open={open()} title={text.keyboard} onClose={() => setOpen(false)} wide>
      <dl class="grid grid-cols-1 gap-x-6 gap-y-2 text-xs sm:grid-cols-2">
        <For each={text.shortcuts}>
          {([key, meaning]) => (
            <div class="flex items-baseline justify-between gap-3">
              <dt class="text-ink font-medium whitespace-nowrap">{key}</dt>
              <dd class="text-muted text-right">{meaning}</dd>
            </div>
          )}
        </For>
      </dl>
      <div class="border-line text-muted mt-4 flex flex-wrap gap-4 border-t pt-3 text-2xs">
        <a class="hover:text-ink underline" href="/docs" target="_blank" rel="noopener">
          {text.apiDocs}
        </a>
        <a class="hover:text-ink underline" href="/assets/licences.txt" target="_blank" rel="noopener">
          {text.licences}
        </a>
      </div>
    </Dialog>
  );
}
