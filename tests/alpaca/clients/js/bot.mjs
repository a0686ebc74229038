// A bot on Alpaca's JavaScript client: run by tests/alpaca/test_js_client.py. Prints what it saw as JSON.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { Alpaca } = require("@alpacahq/alpaca-trade-api");

const { EXCHANGE_URL, SYMBOL: symbol } = process.env;
const SOCKETS = EXCHANGE_URL.replace(/^http/, "ws");

// The client has no option for the address of REST: its documented way is another `fetch`.
const alpaca = new Alpaca({
  fetchApi: (url, init) => fetch(String(url).replace(/^https:\/\/[^/]+/, EXCHANGE_URL), init),
});
const { trading, marketData } = alpaca;
const { orders, positions, watchlists } = trading;
const seen = {};

seen.connection = (await trading.validateConnection()).ok;
seen.account = (await trading.account.getAccount()).status;
seen.asset = (await trading.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: symbol })).symbol;
seen.open = (await trading.clock.legacyClock()).isOpen;
seen.calendar = (await trading.calendar.legacyCalendar({
  start: new Date("2025-07-01"), end: new Date("2025-07-07"),
})).length;

const updates = trading.stream({ url: `${SOCKETS}/stream` });
updates.connect();
const filled = await trading.submitAndWait(
  { type: "market", symbol, qty: 2, side: "buy", clientOrderId: "js-1" },
  { stream: updates },
);
updates.disconnect();
seen.filled = [filled.status, filled.filledAvgPrice, filled.clientOrderId];
const resting = await orders.limit({ symbol, qty: 1, side: "buy", limitPrice: 98 });
const replaced = await orders.patchOrderByOrderId({
  orderId: resting.id,
  patchOrderRequest: { qty: "2", limitPrice: "98.5" },
});
seen.replaced = [replaced.replaces === resting.id, replaced.limitPrice, replaced.qty];
await orders.deleteOrderByOrderID({ orderId: replaced.id });
seen.canceled = (await orders.getOrderByOrderID({ orderId: replaced.id })).status;
const bracket = await orders.bracket({
  symbol, qty: 1, side: "buy", limitPrice: 97,
  takeProfit: { limitPrice: 103 }, stopLoss: { stopPrice: 95 },
});
seen.bracket = [bracket.orderClass, bracket.legs.map((leg) => leg.status)];
seen.byClientId = (await orders.getOrderByClientOrderId({ clientOrderId: "js-1" })).id === filled.id;
seen.canceledAll = (await orders.deleteAllOrders()).every((each) => each.status === 200);
seen.orders = (await orders.getAllOrders({ status: "all", nested: true })).map((each) => each.status);
seen.position = (await positions.getOpenPosition({ symbolOrAssetId: symbol })).qty;
seen.price = await marketData.getLatestPrice(symbol);
seen.bars = (await marketData.getStockBarsFor(symbol, { timeframe: "1Hour" })).at(-1).close;
seen.activities = (await trading.accountActivities.getAccountActivities()).length;
seen.history = (await trading.portfolioHistory.getAccountPortfolioHistory({ period: "1D" })).baseValue;
const list = await watchlists.postWatchlist({ createWatchlistRequest: { name: "js", symbols: [symbol] } });
seen.watchlist = list.assets.map((each) => each.symbol);
await watchlists.deleteWatchlistById({ watchlistId: list.id });
seen.refused = await orders
  .limit({ symbol, qty: 5000, side: "buy", limitPrice: 99 })
  .then(() => null, (error) => [error.constructor.name, error.status, error.code]);

const stream = marketData.stockStream({ url: `${SOCKETS}/v2/test` });
seen.streamed = await new Promise((resolve, reject) => {
  stream.onTrade((trade) => resolve(trade.symbol));
  stream.onError(reject);
  stream.onConnect(() => stream.subscribeForTrades(["FAKEPACA"]));
  stream.connect();
});
stream.disconnect();
const closed = await trading.closeAllPositions({ cancelOrders: true });
seen.closed = closed.map((each) => each.status);
console.log(JSON.stringify(seen));
process.exit(0);
