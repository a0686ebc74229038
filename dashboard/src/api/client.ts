// The typed client of the HTTP API. `schema.gen.ts` is generated from the exchange's OpenAPI document at build time.

import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.gen";
import { accessToken, renew } from "./session";

type Schemas = components["schemas"];
export type Order = Schemas["OrderView"];
export type NewOrder = Schemas["NewOrder"];
export type Fill = Schemas["FillView"];
export type Quote = Schemas["QuoteView"];
export type Portfolio = Schemas["PortfolioView"];
export type Position = Schemas["PositionView"];
export type SymbolInfo = Schemas["SymbolView"];
export type Bar = Schemas["BarView"];
export type Trade = Schemas["TradeView"];
export type Transaction = Schemas["TransactionView"];
export type ApiKey = Schemas["ApiKeyView"];
export type RiskCheck = Schemas["RiskCheckView"];
export type ApiProblem = Schemas["ErrorView"];

/** A refused or failed request, in the API's error form. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null,
    readonly requestId: string | null,
  ) {
    super(message);
  }
}

const credentials: Middleware = {
  async onRequest({ request }) {
    const token = accessToken();
    if (token && !request.headers.has("x-api-key")) request.headers.set("authorization", `Bearer ${token}`);
    return request;
  },
};

export const api = createClient<paths>({
  baseUrl: "",
  fetch: async (request: Request) => {
    const again = request.clone();
    const response = await fetch(request);
    if (response.status !== 401 || !request.headers.has("authorization")) return response;
    // The token expired while the computer slept: renew it once and repeat the request, which was not executed.
    const token = await renew();
    if (!token) return response;
    again.headers.set("authorization", `Bearer ${token}`);
    return fetch(again);
  },
});
api.use(credentials);

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of a response. Throws Problem. */
export async function done<T>(request: Promise<Outcome<T>>): Promise<T> {
  let outcome: Outcome<T>;
  try {
    outcome = await request;
  } catch {
    throw new Problem(0, "unreachable", "The exchange cannot be reached", null, null);
  }
  if (outcome.response.ok) return outcome.data as T;
  throw problemOf(outcome.response, outcome.error);
}

function problemOf(response: Response, body: unknown): Problem {
  const error = (body ?? {}) as Partial<ApiProblem>;
  const message = error.message ?? `The exchange returned the status ${response.status}`;
  return new Problem(response.status, error.code ?? "unknown", message, error.field ?? null, error.request_id ?? null);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An id for an order or another change, so that a repetition is not executed twice. */
export function newKey(): string {
  // randomUUID exists only where the page was loaded over HTTPS or from this machine.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
