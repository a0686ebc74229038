import { createSignal, onCleanup, Show } from "solid-js";

import { onConnected } from "../live/socket";
import { text } from "../texts";

const CHECK_EVERY_MS = 5 * 60_000;

/** A notice when the exchange serves another build of this page: after a reconnect, and every five minutes. */
export function VersionNotice() {
  const [isOld, setOld] = createSignal(false);
  const own = document.querySelector<HTMLScriptElement>("script[type=module]")?.getAttribute("src") ?? "";
  const check = async () => {
    if (!own.startsWith("/assets/")) return; // the development server
    try {
      const response = await fetch("/", { cache: "no-store" });
      if (response.ok) setOld(!(await response.text()).includes(own));
    } catch {
      // The connection state is shown elsewhere.
    }
  };
  let isFirst = true;
  onCleanup(
    onConnected(() => {
      if (!isFirst) void check();
      isFirst = false;
    }),
  );
  const timer = setInterval(() => void check(), CHECK_EVERY_MS);
  onCleanup(() => clearInterval(timer));
  return (
    <Show when={isOld()}>
      <div role="status" class="bg-raised border-line text-ink flex items-center justify-center gap-3 border-b py-1 text-xs">
        {text.newVersion}
        <button class="chip text-accent" onClick={() => location.reload()}>
          {text.reload}
        </button>
      </div>
    </Show>
  );
}
