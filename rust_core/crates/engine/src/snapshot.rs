//! The whole state as bytes, and back.
//!
//! Canonical: orders by acceptance, levels from the best, entries in their queue's order, positions by
//! instrument, request records by their end; slots, capacities and caches are not written, so two
//! engines in equal states give equal bytes whatever their history. What follows from the orders
//! (reserves, open quantities, account lists) is not written either but built again.
//!
//! Form: magic and version, the body, a checksum. `restore` ends with the full audit.
//!
//! A snapshot is of a finished state: not while [`Engine::needs_continue`] (asserted).

use crate::codec::{checksum, Read, Reader, Writer, TORN};
use crate::engine::Engine;
use crate::ladder::{Ladder, NIL};
use crate::ledger::{Account, Ledger, Till, MAX_CURRENCIES};
use crate::market::{Chunk, Feed, FeedQuote, Market, Print, HOUSE};
use crate::orders::{Order, Place, BLANK};
use crate::requests::Record;
use crate::types::*;
use crate::RestoreError;

const MAGIC: [u8; 8] = *b"CIFTENG1";

impl Engine {
    /// Canonical bytes of the whole state: equal states give equal bytes. Not while
    /// [`Engine::needs_continue`]: the state between two parts of a command is not one to keep.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        assert!(!self.work.unfinished, "a snapshot in the middle of a command");
        let start = out.len();
        let mut to = Writer(out);
        to.put(MAGIC);
        self.write_head(&mut to);
        for market in 0..self.markets.len() {
            self.write_market(market, &mut to);
        }
        self.write_accounts(&mut to);
        to.put(self.requests.ends.len() as u32);
        for &(at, slot) in &self.requests.ends {
            to.put(at);
            write_record(&self.requests.slots[slot as usize], &mut to);
        }
        self.write_orders(&mut to);
        let sum = checksum(&out[start..]);
        Writer(out).put(sum);
    }

    fn write_head(&self, to: &mut Writer) {
        to.put(self.sequence);
        to.put(self.now);
        to.put(self.epoch);
        to.put(self.rules);
        to.put(self.format);
        to.put(self.maker_ppm);
        to.put(self.taker_ppm);
        to.put(self.session);
        to.put(self.closes_at);
        to.put(self.closed);
        to.put(self.trades);
        to.put(self.orders.last_age);
        to.put(self.ledger.tills.len() as u32);
        for till in &self.ledger.tills {
            to.put(till.currency);
            to.put(till.world);
            to.put(till.fees);
        }
        to.put(self.feeds.len() as u32);
        for feed in &self.feeds {
            to.put(feed.id);
            to.put(feed.house);
            to.put(feed.silence_ns);
            to.put(feed.last_message_at);
        }
        to.put(self.markets.len() as u32);
    }

    fn write_market(&self, at: usize, to: &mut Writer) {
        let market = &self.markets[at];
        to.put(self.definitions[at]);
        to.put(market.currency);
        to.put(market.halted);
        to.put(market.last.is_some());
        if let Some(last) = market.last {
            to.put(last.price);
            to.put(last.quantity);
            to.put(last.at);
        }
        to.put(market.world);
        let silent = FeedQuote::default();
        for feed in 0..self.feeds.len() {
            let quote = market.quotes.get(feed).unwrap_or(&silent);
            to.put(quote.last_source);
            to.put(quote.bid.price);
            to.put(quote.ask.price);
        }
    }

    fn write_accounts(&self, to: &mut Writer) {
        to.put(self.ledger.accounts.len() as u32);
        for account in &self.ledger.accounts {
            to.put(account.id);
            to.put(account.kind);
            to.put(account.role);
            to.put(account.state);
            to.put(account.currency);
            to.put(account.cash);
            to.put(account.baseline);
            to.put(account.limits);
            to.put(account.rate_second);
            to.put(account.rate_count);
            let held = account
                .positions
                .iter()
                .map(|&(at, slot)| (at, &self.ledger.positions[slot as usize]));
            let held: Vec<_> = held.filter(|(_, position)| position.lots != 0).collect();
            to.put(held.len() as u32);
            for (instrument, position) in held {
                to.put(instrument);
                to.put(position.lots);
                to.put(position.cost);
            }
        }
    }

    fn write_orders(&self, to: &mut Writer) {
        let slots = self.orders.by_age();
        let mut number = vec![NIL; self.orders.slots.len()];
        for (at, &slot) in slots.iter().enumerate() {
            number[slot as usize] = at as u32;
        }
        let numbered = |slot: u32| if slot == NIL { NIL } else { number[slot as usize] };
        to.put(slots.len() as u32);
        for &slot in &slots {
            let order = &self.orders[slot];
            to.put(order.id);
            to.put(order.age);
            to.put(order.account);
            to.put(order.instrument);
            to.put(order.side);
            to.put(order.kind);
            to.put(order.time_in_force);
            to.put(order.self_trade);
            to.put(order.status);
            to.put(order.post_only);
            to.put(order.reduce_only);
            to.put(order.counted);
            to.put(order.quantity);
            to.put(order.filled);
            to.put(order.filled_notional);
            to.put(order.limit);
            to.put(order.stop);
            to.put(order.best);
            to.put(order.trail);
            to.put(order.display);
            to.put(order.increase);
            to.put(order.reserve_price);
            to.put(order.reserve_ppm);
            for link in [order.parent, order.take_profit, order.stop_loss, order.sibling] {
                to.put(numbered(link));
            }
            to.put(order.request != NIL);
            if order.request != NIL {
                write_record(&self.requests.slots[order.request as usize], to);
            }
        }
        for market in &self.markets {
            for side in [Side::Buy, Side::Sell] {
                let ladder = market.book.ladder(side);
                to.put(ladder.len() as u32);
                for node in ladder.nodes() {
                    let entry = ladder.node(node);
                    let house = entry.owner & HOUSE != 0;
                    to.put(house);
                    to.put(if house {
                        market.chunks[(entry.owner & !HOUSE) as usize].feed
                    } else {
                        numbered(entry.owner)
                    });
                    to.put(entry.price);
                    to.put(entry.quantity);
                    to.put(entry.hidden);
                }
            }
            for ladder in [
                &market.stop_buys,
                &market.stop_sells,
                &market.trail_buys,
                &market.trail_sells,
            ] {
                to.put(ladder.len() as u32);
                for node in ladder.nodes() {
                    to.put(numbered(ladder.node(node).owner));
                }
            }
            to.put(market.waiting.len() as u32);
            for &slot in &market.waiting {
                to.put(numbered(slot));
            }
        }
    }

    /// The engine whose snapshot these bytes are, whole and unaltered.
    pub fn restore(bytes: &[u8]) -> Result<Engine, RestoreError> {
        let body = bytes.len().checked_sub(8).ok_or(TORN)?;
        let mut tail = Reader(&bytes[body..]);
        let mut from = Reader(&bytes[..body]);
        if from.get::<[u8; 8]>()? != MAGIC {
            return Err(RestoreError("not a snapshot of this version"));
        }
        if tail.get::<u64>()? != checksum(&bytes[..body]) {
            return Err(RestoreError("the snapshot's checksum is wrong"));
        }
        let mut engine = Engine::new();
        let markets = engine.read_head(&mut from)?;
        for _ in 0..markets {
            engine.read_market(&mut from)?;
        }
        engine.read_accounts(&mut from)?;
        for _ in 0..from.count()? {
            let at = from.get()?;
            let slot = engine.requests.insert(read_record(&mut from)?);
            engine.requests.ends.push_back((at, slot));
        }
        engine.read_orders(&mut from)?;
        if !from.0.is_empty() {
            return Err(RestoreError("the snapshot has bytes too many"));
        }
        engine.wake_at = engine.next_deadline().unwrap_or(i64::MAX);
        engine.check_conservation().map_err(RestoreError)?;
        Ok(engine)
    }

    fn read_head(&mut self, from: &mut Reader) -> Read<usize> {
        self.sequence = from.get()?;
        self.now = from.get()?;
        self.epoch = from.get()?;
        self.rules = from.get()?;
        self.format = from.get()?;
        self.maker_ppm = from.get()?;
        self.taker_ppm = from.get()?;
        self.session = from.get()?;
        self.closes_at = from.get()?;
        self.closed = from.get()?;
        self.trades = from.get()?;
        self.orders.last_age = from.get()?;
        let tills = from.count()?;
        if tills > MAX_CURRENCIES {
            return Err(TORN);
        }
        for _ in 0..tills {
            self.ledger.tills.push(Till {
                currency: from.get()?,
                world: from.get()?,
                fees: from.get()?,
            });
        }
        for _ in 0..from.count()? {
            self.feeds.push(Feed {
                id: from.get()?,
                house: from.get()?,
                silence_ns: from.get()?,
                last_message_at: from.get()?,
            });
        }
        from.count()
    }

    fn read_market(&mut self, from: &mut Reader) -> Read<()> {
        let definition: Instrument = from.get()?;
        let currency: u32 = from.get()?;
        if definition.tick <= 0 || definition.lot <= 0 || currency as usize >= self.ledger.tills.len() {
            return Err(TORN);
        }
        let mut market = Market::new(&definition, currency);
        market.halted = from.get()?;
        if from.get::<bool>()? {
            market.last = Some(Print {
                price: from.get()?,
                quantity: from.get()?,
                at: from.get()?,
            });
        }
        market.world = from.get()?;
        for _ in 0..self.feeds.len() {
            let mut quote = FeedQuote {
                last_source: from.get()?,
                ..FeedQuote::default()
            };
            quote.bid.price = from.get()?;
            quote.ask.price = from.get()?;
            market.quotes.push(quote);
        }
        self.add_market(definition, market);
        Ok(())
    }

    fn read_accounts(&mut self, from: &mut Reader) -> Read<()> {
        for _ in 0..from.count()? {
            let (id, kind, role): (AccountId, AccountKind, AccountRole) = (from.get()?, from.get()?, from.get()?);
            let state = from.get()?;
            let currency: u32 = from.get()?;
            if currency as usize >= self.ledger.tills.len() {
                return Err(TORN);
            }
            let account = self.ledger.open(Account {
                state,
                cash: from.get()?,
                baseline: from.get()?,
                limits: from.get()?,
                rate_second: from.get()?,
                rate_count: from.get()?,
                ..Ledger::blank(id, kind, role, currency)
            });
            for _ in 0..from.count()? {
                let instrument: u32 = from.get()?;
                if instrument as usize >= self.markets.len() {
                    return Err(TORN);
                }
                let slot = self.ledger.position_or_new(account, instrument);
                let position = &mut self.ledger.positions[slot as usize];
                position.lots = from.get()?;
                position.cost = from.get()?;
            }
        }
        if self
            .feeds
            .iter()
            .any(|feed| feed.house as usize >= self.ledger.accounts.len())
        {
            return Err(TORN);
        }
        Ok(())
    }

    /// Slots of a new engine are given in order: an order's number is its slot.
    fn read_orders(&mut self, from: &mut Reader) -> Read<()> {
        let count = from.count()?;
        let last_age = self.orders.last_age;
        for _ in 0..count {
            self.read_order(count as u32, from)?;
        }
        self.orders.last_age = last_age;
        for slot in 0..count as u32 {
            if std::mem::take(&mut self.orders[slot].counted) {
                self.count(slot);
            }
        }
        for at in 0..self.markets.len() as u32 {
            for side in [Side::Buy, Side::Sell] {
                for _ in 0..from.count()? {
                    self.read_resting(at, side, from)?;
                }
            }
            for (side, trailing) in [
                (Side::Buy, false),
                (Side::Sell, false),
                (Side::Buy, true),
                (Side::Sell, true),
            ] {
                for _ in 0..from.count()? {
                    let slot = self.read_slot(at, from)?;
                    let Order { stop, best, .. } = self.orders[slot];
                    let market = &mut self.markets[at as usize];
                    if trailing {
                        self.orders[slot].trail_node = market.trails_mut(side).push(best, 0, 0, 0, slot);
                    } else {
                        self.orders[slot].node = market.stops_mut(side).push(stop, 0, 0, 0, slot);
                        self.orders[slot].place = Place::Stops;
                    }
                }
            }
            for _ in 0..from.count()? {
                let slot = self.read_slot(at, from)?;
                self.orders[slot].place = Place::Waiting;
                self.markets[at as usize].waiting.push_back(slot);
            }
        }
        Ok(())
    }

    fn read_slot(&self, market: u32, from: &mut Reader) -> Read<u32> {
        let slot: u32 = from.get()?;
        let known = self
            .orders
            .slots
            .get(slot as usize)
            .is_some_and(|order| order.instrument == market);
        if known {
            Ok(slot)
        } else {
            Err(TORN)
        }
    }

    fn read_order(&mut self, count: u32, from: &mut Reader) -> Read<()> {
        let mut order = Order {
            id: from.get()?,
            age: from.get()?,
            account: from.get()?,
            instrument: from.get()?,
            side: from.get()?,
            kind: from.get()?,
            time_in_force: from.get()?,
            self_trade: from.get()?,
            status: from.get()?,
            post_only: from.get()?,
            reduce_only: from.get()?,
            counted: from.get()?,
            quantity: from.get()?,
            filled: from.get()?,
            filled_notional: from.get()?,
            limit: from.get()?,
            stop: from.get()?,
            best: from.get()?,
            trail: from.get()?,
            display: from.get()?,
            increase: from.get()?,
            reserve_price: from.get()?,
            reserve_ppm: from.get()?,
            parent: from.get()?,
            take_profit: from.get()?,
            stop_loss: from.get()?,
            sibling: from.get()?,
            ..BLANK
        };
        let links = [order.parent, order.take_profit, order.stop_loss, order.sibling];
        let linked = links.iter().all(|&link| link == NIL || link < count);
        let placed =
            (order.account as usize) < self.ledger.accounts.len() && (order.instrument as usize) < self.markets.len();
        if !linked || !placed || order.age == 0 {
            return Err(TORN);
        }
        order.position = self.ledger.position_or_new(order.account, order.instrument);
        if from.get::<bool>()? {
            order.request = self.requests.insert(read_record(from)?);
        }
        // Enlisting counts the ages itself.
        self.orders.last_age = order.age - 1;
        self.enlist(order);
        Ok(())
    }

    fn read_resting(&mut self, at: u32, side: Side, from: &mut Reader) -> Read<()> {
        let house: bool = from.get()?;
        let market = &mut self.markets[at as usize];
        if house {
            let (feed, price, quantity, hidden): (u32, i64, i64, i64) =
                (from.get()?, from.get()?, from.get()?, from.get()?);
            let chunk = market.chunks.len() as u32;
            let quote = market.quotes.get_mut(feed as usize).ok_or(TORN)?;
            quote.side_mut(side).chunks.push_back(chunk);
            let node = market
                .book
                .ladder_mut(side)
                .push(price, quantity, hidden, 0, HOUSE | chunk);
            market.chunks.push(Chunk { feed, side, node });
            return Ok(());
        }
        let slot = self.read_slot(at, from)?;
        let (price, quantity, hidden) = (from.get()?, from.get()?, from.get()?);
        let display = self.orders[slot].display;
        let node = self.markets[at as usize]
            .book
            .ladder_mut(side)
            .push(price, quantity, hidden, display, slot);
        let order = &mut self.orders[slot];
        order.place = Place::Book;
        order.node = node;
        Ok(())
    }
}

impl Ladder {
    /// All entries: best level first, in the order of their queues.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.best(), |&price| self.next_price(price))
            .flat_map(|price| std::iter::successors(self.front_at(price), |&node| self.next_in_level(node)))
    }
}

fn write_record(record: &Record, to: &mut Writer) {
    to.put(record.key);
    to.put(record.body);
    to.put(record.first);
}

fn read_record(from: &mut Reader) -> Read<Record> {
    Ok(Record {
        key: from.get()?,
        body: from.get()?,
        first: from.get()?,
    })
}
