import { createSignal, For } from "solid-js";

import { text } from "../texts";

type Tone = "up" | "down" | "warn" | "plain";
interface Toast {
  id: number;
  message: string;
  tone: Tone;
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 6_000;
const TOASTS_MAX = 4;
const MARKS: Record<Tone, string> = { up: "▲", down: "▼", warn: "!", plain: "✓" };
const TONES: Record<Tone, string> = { up: "text-up", down: "text-down", warn: "text-warn", plain: "text-accent" };
const [toasts, setToasts] = createSignal<Toast[]>([]);
let last = 0;

/** Show a message for some seconds. Screen readers announce it. */
export function notify(message: string, tone: Tone = "plain", action?: Toast["action"]): void {
  const id = ++last;
  setToasts((shown) => [...shown, { id, message, tone, action }].slice(-TOASTS_MAX));
  setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number): void {
  setToasts((shown) => shown.filter((toast) => toast.id !== id));
}

export function Toasts() {
  return (
    <div
      class="pointer-events-none fixed bottom-3 left-3 z-50 flex w-80 max-w-[calc(100vw-1.5rem)] flex-col gap-2 max-md:top-13 max-md:bottom-auto"
      role="status"
      aria-live="polite"
      data-testid="toasts"
    >
      <For each={toasts()}>
        {(toast) => (
          <div class="toast bg-raised border-line pointer-events-auto flex items-center gap-2.5 rounded-md border py-2 pr-1.5 pl-3 text-xs shadow-lg shadow-black/20">
            <span class={TONES[toast.tone]} aria-hidden="true">
              {MARKS[toast.tone]}
            </span>
            <span class="min-w-0 flex-1 break-words">{toast.message}</span>
            {toast.action && (
              <button class="chip text-accent" onClick={() => (toast.action!.run(), dismiss(toast.id))}>
                {toast.action.label}
              </button>
            )}
            <button class="chip" aria-label={text.dismiss} onClick={() => dismiss(toast.id)}>
              ✕
            </button>
          </div>
        )}
      </For>
    </div>
  );
}
