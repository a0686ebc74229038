// Shortcuts of the whole page. A shortcut without modifiers is inactive while a person types into a field.

type Action = (event: KeyboardEvent) => void;

const actions = new Map<string, Action>();
let prefix = "";
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

/** Register the action of a key: "b", "Shift+X", "Alt+r", "g t". Returns the function that removes it. */
export function onKey(key: string, action: Action): () => void {
  actions.set(key, action);
  return () => {
    if (actions.get(key) === action) actions.delete(key);
  };
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName))
  );
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey) return;
  if (event.key !== "Escape" && (isTyping(event.target) || document.querySelector("dialog[open]"))) return;
  if (event.key === "Escape" && document.querySelector("dialog[open]")) return;
  const modifiers = `${event.altKey ? "Alt+" : ""}${event.shiftKey && /^[A-Z]$/.test(event.key) ? "Shift+" : ""}`;
  const name = `${modifiers}${event.altKey ? event.code.replace("Key", "").toLowerCase() : event.key}`;
  const action = actions.get(prefix ? `${prefix} ${name}` : name);
  clearTimeout(prefixTimer);
  if (!action && name === "g" && !prefix) {
    prefix = "g";
    prefixTimer = setTimeout(() => (prefix = ""), 1_000);
    return;
  }
  prefix = "";
  if (action) {
    event.preventDefault();
    action(event);
  }
});
