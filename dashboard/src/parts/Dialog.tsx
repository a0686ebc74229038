import { createEffect, type JSX, Show } from "solid-js";

import { text } from "../texts";

/** A modal dialog. The browser keeps the focus inside, closes it on Escape and returns the focus afterwards. */
export function Dialog(props: { open: boolean; title: string; onClose: () => void; wide?: boolean; children: JSX.Element }) {
  let element: HTMLDialogElement | undefined;
  createEffect(() => {
    if (props.open && !element!.open) element!.showModal();
    else if (!props.open && element!.open) element!.close();
  });
  return (
    <dialog
      ref={element}
      class="bg-panel border-line text-ink m-auto w-[calc(100vw-2rem)] rounded-lg border p-0 shadow-2xl shadow-black/40"
      classList={{ "max-w-md": !props.wide, "max-w-xl": props.wide }}
      aria-label={props.title}
      onClose={() => props.onClose()}
      onClick={(event) => event.target === element && props.onClose()}
    >
      <Show when={props.open}>
        <div class="flex flex-col">
          <div class="panel-head h-11 justify-between pr-2 pl-4">
            <h2 class="text-sm font-semibold">{props.title}</h2>
            <button class="chip" aria-label={text.close} onClick={() => props.onClose()}>
              ✕
            </button>
          </div>
          <div class="p-4">{props.children}</div>
        </div>
      </Show>
    </dialog>
  );
}

/** A question before an action that cannot be undone. */
export function Confirm(props: {
  open: boolean;
  title: string;
  message: string;
  action: string;
  keep?: string;
  onClose: () => void;
  onConfirm: () => void;
}) {
  return (
    <Dialog open={props.open} title={props.title} onClose={props.onClose}>
      <p class="text-muted mb-4 text-xs">{props.message}</p>
      <div class="flex justify-end gap-2">
        <button class="button" onClick={() => props.onClose()}>
          {props.keep ?? text.cancel}
        </button>
        <button
          class="button border-transparent bg-sell-fill text-white"
          autofocus
          onClick={() => (props.onConfirm(), props.onClose())}
        >
          {props.action}
        </button>
      </div>
    </Dialog>
  );
}
