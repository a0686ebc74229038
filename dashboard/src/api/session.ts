// The session of this page. The access token is in memory only. The refresh token is in a cookie that scripts cannot
// read; the exchange replaces it at every use. Tabs share the cookie, so they renew one after the other.

import { createSignal } from "solid-js";

interface Tokens {
  access_token: string;
  expires_in: number;
}

export type SessionState = "starting" | "in" | "out";

const RENEW_AT = 0.75;
/** Set after a logout: the demonstration account does not log in by itself then. */
const SIGNED_OUT = "cift.signed-out";
/** Set while this browser probably has a session's cookie, which scripts cannot see. */
const KNOWN = "cift.session";

const [token, setToken] = createSignal<string | null>(null);
const [state, setState] = createSignal<SessionState>("starting");
const tabs = new BroadcastChannel("cift-session");
let timer: ReturnType<typeof setTimeout> | undefined;

export const accessToken = token;
export const sessionState = state;

async function post(path: string, body?: unknown): Promise<Response> {
  return fetch(`/api/v1/auth/browser/${path}`, {
    method: "POST",
    credentials: "same-origin",
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
}

async function enter(response: Response): Promise<string> {
  const tokens = (await response.json()) as Tokens;
  setToken(tokens.access_token);
  setState("in");
  localStorage.setItem(KNOWN, "1");
  clearTimeout(timer);
  timer = setTimeout(() => void renew(), tokens.expires_in * 1000 * RENEW_AT);
  return tokens.access_token;
}

function leave(): void {
  clearTimeout(timer);
  setToken(null);
  setState("out");
  localStorage.removeItem(KNOWN);
}

/** One tab at a time: each use replaces the cookie. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? navigator.locks.request("cift-session", work) : work();
}

let renewing: Promise<string | null> | null = null;

/** A new access token; null if the session has ended. A network failure changes nothing. */
export function renew(): Promise<string | null> {
  renewing ??= alone(async () => {
    try {
      const response = await post("refresh");
      if (response.ok) return await enter(response);
      if (response.status === 401 && state() === "in") leave();
      return null;
    } catch {
      clearTimeout(timer);
      timer = setTimeout(() => void renew(), 5_000);
      return null;
    } finally {
      renewing = null;
    }
  });
  return renewing;
}

/** Continue the session of the cookie, or start one of the demonstration account where this exchange has one. */
export async function resume(): Promise<void> {
  const isKnown = localStorage.getItem(KNOWN) !== null;
  if (isKnown && (await renew())) return;
  if (localStorage.getItem(SIGNED_OUT) === null && (await loginDemo())) return;
  if (!isKnown && (await renew())) return;
  leave();
}

/** False if this exchange has no demonstration account. */
export async function loginDemo(): Promise<boolean> {
  try {
    const response = await post("demo");
    if (!response.ok) return false;
    localStorage.removeItem(SIGNED_OUT);
    await enter(response);
    tabs.postMessage("in");
    return true;
  } catch {
    return false;
  }
}

/** Null, or the exchange's message. */
export async function login(name: string, password: string): Promise<string | null> {
  try {
    const response = await post("login", { username: name, password });
    if (!response.ok) return ((await response.json()) as { message: string }).message;
    localStorage.removeItem(SIGNED_OUT);
    await enter(response);
    tabs.postMessage("in");
    return null;
  } catch {
    return "The exchange cannot be reached";
  }
}

export async function logout(): Promise<void> {
  localStorage.setItem(SIGNED_OUT, "1");
  await alone(() => post("logout")).catch(() => undefined);
  leave();
  tabs.postMessage("out");
}

tabs.onmessage = ({ data }: MessageEvent<string>) => {
  if (data === "out") leave();
  else void renew();
};
