// Live market data. Messages change plain maps; signals are set once per animation frame, so a thousand messages in a
// second cost as many renderings as the screen has frames.

import { type Accessor, batch, createSignal } from "solid-js";

import type { Quote } from "../api/client";
import { Book, type BookMessage } from "./book";
import { again, type Message, onConnected, onMessage, subscribe } from "./socket";

export interface Print {
  id: string;
  symbol: string;
  price: number;
  priceText: string;
  quantity: number;
  source: "exchange" | "outside";
  /** The taker's side; of an outside print: the direction of the price since the last one. */
  side: "buy" | "sell" | null;
  at: string;
}

const TAPE_MAX = 80;

interface Live {
  quote: Quote | undefined;
  book: Book;
  tape: Print[];
  changed: number;
  setQuote: (quote: Quote) => void;
  readQuote: Accessor<Quote | undefined>;
  setBookVersion: (version: number) => void;
  bookVersion: Accessor<number>;
  setTape: (tape: Print[]) => void;
  readTape: Accessor<Print[]>;
}

const QUOTE = 1;
const BOOK = 2;
const TAPE = 4;
const live = new Map<string, Live>();
const dirty = new Set<Live>();
const printHandlers = new Map<string, Set<(print: Print) => void>>();
let frame = 0;
let version = 0;
let healed = 0;
let received = 0;

/** For tests and the bench: how many gaps were healed by a new snapshot, and how many messages arrived. */
export const counters = { healed: () => healed, received: () => received };

function of(symbol: string): Live {
  let found = live.get(symbol);
  if (!found) {
    const [readQuote, setQuote] = createSignal<Quote | undefined>(undefined, { equals: false });
    const [bookVersion, setBookVersion] = createSignal(0);
    const [readTape, setTape] = createSignal<Print[]>([]);
    found = {
      quote: undefined,
      book: new Book(),
      tape: [],
      changed: 0,
      readQuote,
      setQuote: (quote) => setQuote(() => quote),
      bookVersion,
      setBookVersion,
      readTape,
      setTape: (tape) => setTape(() => tape),
    };
    live.set(symbol, found);
  }
  return found;
}

function touch(entry: Live, what: number): void {
  received++;
  entry.changed |= what;
  dirty.add(entry);
  if (!frame) frame = requestAnimationFrame(flush);
}

function flush(): void {
  frame = 0;
  batch(() => {
    for (const entry of dirty) {
      if (entry.changed & QUOTE && entry.quote) entry.setQuote(entry.quote);
      if (entry.changed & BOOK) entry.setBookVersion(++version);
      if (entry.changed & TAPE) entry.setTape(entry.tape.slice());
      entry.changed = 0;
    }
    dirty.clear();
  });
}

onMessage("quote", (message) => {
  const entry = of(message.symbol!);
  entry.quote = message as unknown as Quote;
  touch(entry, QUOTE);
});

onMessage("book", (message) => {
  const change = message as unknown as BookMessage;
  const entry = of(change.symbol);
  const result = entry.book.apply(change);
  if (result === "gap") {
    healed++;
    again("book", change.symbol);
  } else if (result === "applied") touch(entry, BOOK);
});

onMessage("trade", (message) => {
  const entry = of(message.symbol!);
  const print = printOf(message, entry.tape[0]);
  entry.tape.unshift(print);
  if (entry.tape.length > TAPE_MAX) entry.tape.length = TAPE_MAX;
  touch(entry, TAPE);
  const handlers = printHandlers.get(print.symbol);
  if (handlers) for (const handler of handlers) handler(print);
});

function printOf(message: Message, before: Print | undefined): Print {
  const price = Number(message.price);
  const moved = before ? price - before.price : 0;
  const direction = moved > 0 ? "buy" : moved < 0 ? "sell" : (before?.side ?? null);
  return {
    id: String(message.id),
    symbol: message.symbol!,
    price,
    priceText: String(message.price),
    quantity: Number(message.quantity),
    source: message.source as Print["source"],
    side: (message.aggressor as "buy" | "sell" | null) ?? direction,
    at: String(message.at),
  };
}

// The exchange sends a snapshot after a reconnect; until then the old book is not valid for changes.
onConnected(() => {
  for (const entry of live.values()) entry.book.sequence = -1;
});

export const quoteOf = (symbol: string): Quote | undefined => of(symbol).readQuote();
export const tapeOf = (symbol: string): Print[] => of(symbol).readTape();
/** The book; reading it tracks its changes. The object is the same while its levels change. */
export function bookOf(symbol: string): Book {
  of(symbol).bookVersion();
  return of(symbol).book;
}

/** Fill an empty tape with the latest trades, oldest last. */
export function seedTape(symbol: string, prints: Print[]): void {
  const entry = of(symbol);
  const known = new Set(entry.tape.map((print) => print.id));
  entry.tape = [...entry.tape, ...prints.filter((print) => !known.has(print.id))].slice(0, TAPE_MAX);
  touch(entry, TAPE);
}

export function onPrint(symbol: string, handler: (print: Print) => void): () => void {
  let found = printHandlers.get(symbol);
  if (!found) printHandlers.set(symbol, (found = new Set()));
  found.add(handler);
  return () => found.delete(handler);
}

/** Follow channels of a symbol. Returns the function that ends it. */
export function follow(symbol: string, channels: readonly string[]): () => void {
  const ends = channels.map((channel) => subscribe(channel, symbol));
  if (channels.includes("book")) of(symbol).book.sequence = -1;
  return () => {
    for (const end of ends) end();
  };
}

/** The price at which a position is valued: the last price, else the middle of bid and ask. */
export function markOf(quote: Quote | undefined): number | null {
  if (!quote) return null;
  if (quote.last !== null) return Number(quote.last);
  return quote.bid !== null && quote.ask !== null ? (Number(quote.bid) + Number(quote.ask)) / 2 : null;
}
