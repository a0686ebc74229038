// A copy of the exchange's book, maintained as docs/book-protocol.md describes.

import { crc32 } from "./crc32";

const LEVELS_MAX = 100;
const CHECKED = 10;

export interface Level {
  price: number;
  priceText: string;
  quantity: number;
  quantityText: string;
  orders: number;
}

type WireLevel = [price: string, quantity: string, orders: number];

export interface BookMessage {
  type: "book";
  symbol: string;
  snapshot: boolean;
  sequence: number;
  previous?: number;
  bids: WireLevel[];
  asks: WireLevel[];
  checksum: number | null;
  at: string;
}

export type Applied = "applied" | "skipped" | "gap";

export class Book {
  /** Best first. */
  bids: Level[] = [];
  asks: Level[] = [];
  sequence = -1;

  /** "gap" means that this copy is no longer equal to the exchange's: a new snapshot is needed. */
  apply(message: BookMessage): Applied {
    if (message.snapshot) {
      this.bids = message.bids.map(levelOf);
      this.asks = message.asks.map(levelOf);
    } else {
      if (this.sequence < 0 || (message.previous ?? -1) > this.sequence) return "gap";
      if (message.sequence <= this.sequence) return "skipped";
      for (const level of message.bids) change(this.bids, levelOf(level), -1);
      for (const level of message.asks) change(this.asks, levelOf(level), 1);
      this.bids.length = Math.min(this.bids.length, LEVELS_MAX);
      this.asks.length = Math.min(this.asks.length, LEVELS_MAX);
    }
    this.sequence = message.sequence;
    if (message.checksum === null || message.checksum === this.checksum()) return "applied";
    this.sequence = -1;
    return "gap";
  }

  checksum(): number {
    let text = "";
    for (const side of [this.asks, this.bids]) {
      const count = Math.min(side.length, CHECKED);
      for (let index = 0; index < count; index++) {
        const level = side[index]!;
        text += digits(level.priceText) + digits(level.quantityText);
      }
    }
    return crc32(text);
  }
}

function levelOf([priceText, quantityText, orders]: WireLevel): Level {
  return { price: Number(priceText), priceText, quantity: Number(quantityText), quantityText, orders };
}

/** Without the point and without leading zeros. */
function digits(text: string): string {
  return text.replace(".", "").replace(/^0+/, "");
}

/** Insert, replace or remove a level. `direction` is 1 where the best price is the lowest. */
function change(side: Level[], level: Level, direction: 1 | -1): void {
  let low = 0;
  let high = side.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((side[middle]!.price - level.price) * direction < 0) low = middle + 1;
    else high = middle;
  }
  const found = side[low]?.price === level.price;
  if (level.quantity === 0) {
    if (found) side.splice(low, 1);
  } else {
    side.splice(low, found ? 1 : 0, level);
  }
}

/** Levels summed in steps of `size`, at most `count`, best first. Bids are rounded down, asks up. */
export function grouped(side: Level[], size: number, count: number, isAsk: boolean): Level[] {
  const found: Level[] = [];
  const round = isAsk ? Math.ceil : Math.floor;
  for (const level of side) {
    // The small addend keeps 0.3 / 0.1 at 3.
    const price = round(level.price / size + (isAsk ? -1e-7 : 1e-7)) * size;
    const last = found[found.length - 1];
    if (last && Math.abs(last.price - price) < size / 2) {
      last.quantity += level.quantity;
      last.orders += level.orders;
    } else {
      if (found.length === count) break;
      found.push({ ...level, price, priceText: String(price) });
    }
  }
  return found;
}
