// The one WebSocket of this page. Components subscribe to topics (a channel of a symbol); topics are counted, so that a
// topic is subscribed at the exchange while any component needs it.

import { createSignal } from "solid-js";

import { accessToken, renew } from "../api/session";

export type LiveState = "connecting" | "live" | "stale" | "offline";
export type Message = { type: string; symbol?: string; id?: string | null } & Record<string, unknown>;
type Handler = (message: Message) => void;

const PING_EVERY_MS = 1_000;
const STALE_AFTER_MS = 2_000;
const DEAD_AFTER_MS = 7_000;
const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 5_000;
const ACCOUNT_CHANNELS = new Set(["orders", "fills"]);
/** Channels whose missed messages are sent again after a reconnect. */
const RESUMED_CHANNELS = new Set(["trades"]);
/** After a longer absence, the missed trades are not worth their bytes: bars are loaded again. */
const RESUME_WITHIN_MS = 60_000;

const [state, setState] = createSignal<LiveState>("connecting");
const [latencyMs, setLatencyMs] = createSignal<number | null>(null);
const [staleForMs, setStaleForMs] = createSignal(0);
export const liveState = state;
export const latency = latencyMs;
/** How long nothing has arrived; 0 while messages arrive. */
export const staleFor = staleForMs;

const topics = new Map<string, number>();
const handlers = new Map<string, Set<Handler>>();
const opened = new Set<() => void>();
let socket: WebSocket | null = null;
let lastMessageAt = performance.now();
let pingSentAt = 0;
let backoffMs = BACKOFF_MIN_MS;
let reconnectTimer: ReturnType<typeof setTimeout> | undefined;
let pending = new Map<string, boolean>();
let lastId: string | null = null;
let isAuthenticated = false;

/** Call `handler` with every message of this type. Returns the function that ends it. */
export function onMessage(type: string, handler: Handler): () => void {
  let found = handlers.get(type);
  if (!found) handlers.set(type, (found = new Set()));
  found.add(handler);
  return () => found.delete(handler);
}

/** Call `handler` after every connection: state from before may be old. */
export function onConnected(handler: () => void): () => void {
  opened.add(handler);
  return () => opened.delete(handler);
}

export function subscribe(channel: string, symbol = ""): () => void {
  const topic = `${channel} ${symbol}`;
  const count = topics.get(topic) ?? 0;
  topics.set(topic, count + 1);
  if (count === 0) change(topic, true);
  let isActive = true;
  return () => {
    if (!isActive) return;
    isActive = false;
    const rest = (topics.get(topic) ?? 1) - 1;
    if (rest > 0) topics.set(topic, rest);
    else {
      topics.delete(topic);
      change(topic, false);
    }
  };
}

/** Request a new snapshot of a topic. */
export function again(channel: string, symbol: string): void {
  if (topics.has(`${channel} ${symbol}`)) change(`${channel} ${symbol}`, true);
}

function change(topic: string, isWanted: boolean): void {
  if (pending.size === 0) queueMicrotask(flush);
  pending.set(topic, isWanted);
}

function flush(): void {
  const changes = pending;
  pending = new Map();
  if (socket?.readyState !== WebSocket.OPEN) return;
  for (const isWanted of [false, true]) {
    const byChannel = new Map<string, string[]>();
    for (const [topic, wanted] of changes) {
      if (wanted !== isWanted) continue;
      const [channel, symbol] = topic.split(" ") as [string, string];
      if (ACCOUNT_CHANNELS.has(channel) && !isAuthenticated) continue;
      byChannel.set(channel, [...(byChannel.get(channel) ?? []), ...(symbol ? [symbol] : [])]);
    }
    for (const [channel, symbols] of byChannel) {
      send({
        action: isWanted ? "subscribe" : "unsubscribe",
        channels: [channel],
        ...(symbols.length ? { symbols } : {}),
      });
    }
  }
}

function send(message: unknown): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function subscribeAll(absentMs: number): void {
  const byChannel = new Map<string, string[]>();
  for (const topic of topics.keys()) {
    const [channel, symbol] = topic.split(" ") as [string, string];
    if (ACCOUNT_CHANNELS.has(channel)) continue;
    byChannel.set(channel, [...(byChannel.get(channel) ?? []), symbol]);
  }
  for (const [channel, symbols] of byChannel) {
    const since = lastId && RESUMED_CHANNELS.has(channel) && absentMs < RESUME_WITHIN_MS ? { since: lastId } : {};
    send({ action: "subscribe", channels: [channel], symbols, ...since });
  }
}

function subscribeAccount(): void {
  const channels = [...topics.keys()].map((topic) => topic.split(" ")[0]!).filter((name) => ACCOUNT_CHANNELS.has(name));
  if (channels.length) send({ action: "subscribe", channels: [...new Set(channels)] });
}

/** Send the session's token: after the connection opened, and whenever the token is renewed. */
export function authenticate(): void {
  const token = accessToken();
  if (token) send({ action: "auth", token });
}

/** Connect again without the account of the session that ended. */
export function reconnect(): void {
  if (!isAuthenticated) return;
  isAuthenticated = false;
  socket?.close();
}

function receive(event: MessageEvent<string>): void {
  lastMessageAt = performance.now();
  const message = JSON.parse(event.data) as Message;
  if (message.type === "pong") setLatencyMs(Math.round(lastMessageAt - pingSentAt));
  if (message.type === "authenticated") {
    if (!isAuthenticated) {
      isAuthenticated = true;
      subscribeAccount();
    }
  }
  if (message.type === "trade" && typeof message.id === "string") lastId = message.id;
  const found = handlers.get(message.type);
  if (found) for (const handler of found) handler(message);
}

export function connect(): void {
  clearTimeout(reconnectTimer);
  const lostAt = lastMessageAt;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opening = new WebSocket(`${scheme}://${location.host}/api/v1/market-data/ws/stream`);
  socket = opening;
  isAuthenticated = false;
  opening.onopen = () => {
    const absentMs = performance.now() - lostAt;
    lastMessageAt = performance.now();
    backoffMs = BACKOFF_MIN_MS;
    pending.clear();
    authenticate();
    subscribeAll(absentMs);
    ping();
    setState("live");
    for (const handler of opened) handler();
  };
  opening.onmessage = receive;
  opening.onclose = (event) => {
    if (socket !== opening) return;
    socket = null;
    setState(navigator.onLine ? "connecting" : "offline");
    const isExpired = event.reason === "token_expired" || event.reason === "token_revoked";
    const wait = backoffMs * (0.7 + 0.6 * Math.random());
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
    reconnectTimer = setTimeout(() => void (isExpired ? renew().then(connect) : connect()), wait);
  };
}

function ping(): void {
  pingSentAt = performance.now();
  send({ action: "ping" });
}

function watch(): void {
  const silentMs = performance.now() - lastMessageAt;
  setStaleForMs(silentMs > STALE_AFTER_MS ? Math.round(silentMs) : 0);
  if (socket?.readyState === WebSocket.OPEN) {
    setState(silentMs > STALE_AFTER_MS ? "stale" : "live");
    if (silentMs > DEAD_AFTER_MS) socket.close();
  }
}

export function start(): void {
  connect();
  setInterval(ping, PING_EVERY_MS);
  setInterval(watch, 500);
  addEventListener("online", () => {
    backoffMs = BACKOFF_MIN_MS;
    if (!socket) connect();
  });
  addEventListener("offline", () => setState("offline"));
}
