//! The state from the bytes of a snapshot (`snapshot.rs` describes their form).
//!
//! Values that a snapshot does not contain (reserves, open quantities, account lists) are computed while the
//! orders are read. `restore` ends with the full audit. It never panics, whatever the bytes are.

use crate::codec::{checksum, Read, Reader, MALFORMED};
use crate::engine::Engine;
use crate::ladder::NIL;
use crate::ledger::{Account, CurrencyBalances, Ledger, MAX_CURRENCIES};
use crate::margin::MarginTerms;
use crate::market::{Chunk, Feed, FeedQuote, Market, Print, OUTSIDE_CHUNK};
use crate::orders::{Location, Order, BLANK};
use crate::requests::Record;
use crate::snapshot::MAGIC;
use crate::types::*;
use crate::RestoreError;

impl Engine {
    /// Restores the engine from the bytes of one snapshot. Errors if they are incomplete, altered, or
    /// inconsistent.
    pub fn restore(bytes: &[u8]) -> Result<Engine, RestoreError> {
        let body = bytes.len().checked_sub(8).ok_or(MALFORMED)?;
        let mut tail = Reader(&bytes[body..]);
        let mut from = Reader(&bytes[..body]);
        if from.get::<[u8; 8]>()? != MAGIC {
            return Err(RestoreError(
                "the bytes are not a snapshot of this version (wrong magic number)",
            ));
        }
        if tail.get::<u64>()? != checksum(&bytes[..body]) {
            return Err(RestoreError("the checksum of the snapshot is wrong"));
        }
        let mut engine = Engine::new();
        let markets = engine.read_head(&mut from)?;
        for _ in 0..markets {
            engine.read_market(&mut from)?;
        }
        engine.read_accounts(&mut from)?;
        engine.read_margin(&mut from)?;
        for _ in 0..from.count()? {
            let transfer = TransferId(from.get()?);
            engine.ledger.record_transfer(transfer);
        }
        for _ in 0..from.count()? {
            let at = from.get()?;
            let record = engine.read_record(&mut from)?;
            let slot = engine.requests.insert(&record);
            engine.requests.set_expiry(slot, at);
        }
        engine.read_orders(&mut from)?;
        engine.requests.sort_chains();
        if !from.0.is_empty() {
            return Err(RestoreError("the snapshot has extra bytes after its end"));
        }
        engine.next_due_at = engine.next_deadline().unwrap_or(i64::MAX);
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
        self.orders.last_acceptance = from.get()?;
        let currencies = from.count()?;
        if currencies > MAX_CURRENCIES {
            return Err(MALFORMED);
        }
        for _ in 0..currencies {
            self.ledger.currencies.push(CurrencyBalances {
                currency: from.get()?,
                world: from.get()?,
                fees: from.get()?,
            });
        }
        for _ in 0..from.count()? {
            self.feeds.push(Feed {
                id: from.get()?,
                house_account: from.get()?,
                silence_ns: from.get()?,
                last_message_at: from.get()?,
            });
        }
        from.count()
    }

    fn read_margin(&mut self, from: &mut Reader) -> Read<()> {
        for _ in 0..from.count()? {
            let terms = MarginTerms {
                insurance: from.get()?,
                maintenance_percent: from.get()?,
                interval_ns: from.get()?,
            };
            if terms.insurance as usize >= self.ledger.accounts.len() {
                return Err(MALFORMED);
            }
            self.margin_terms.push(terms);
        }
        self.margin_check_at = from.get()?;
        Ok(())
    }

    fn read_market(&mut self, from: &mut Reader) -> Read<()> {
        let definition: Instrument = from.get()?;
        let currency: u32 = from.get()?;
        if definition.tick <= 0 || definition.lot <= 0 || currency as usize >= self.ledger.currencies.len() {
            return Err(MALFORMED);
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
        market.beyond = from.get()?;
        market.base.price = from.get()?;
        market.base.period = from.get()?;
        if !(0..=MAX_PRICE).contains(&market.base.price) {
            return Err(MALFORMED);
        }
        for volume in &mut market.base.volumes {
            (volume.value, volume.lots) = (from.get()?, from.get()?);
            // Far above what 30 s of trading can reach, far below an overflow of the sum.
            if !(0..1 << 120).contains(&volume.value) || !(0..1 << 120).contains(&volume.lots) {
                return Err(MALFORMED);
            }
        }
        market.world = from.get()?;
        for _ in 0..self.feeds.len() {
            let mut quote = FeedQuote {
                last_source_sequence: from.get()?,
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
            if currency as usize >= self.ledger.currencies.len() {
                return Err(MALFORMED);
            }
            let account = self.ledger.open_account(Account {
                state,
                cash: from.get()?,
                baseline: from.get()?,
                limits: from.get()?,
                rate_second: from.get()?,
                rate_count: from.get()?,
                ..Ledger::new_account(id, kind, role, currency)
            });
            for _ in 0..from.count()? {
                let instrument: u32 = from.get()?;
                if instrument as usize >= self.markets.len() {
                    return Err(MALFORMED);
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
            .any(|feed| feed.house_account as usize >= self.ledger.accounts.len())
        {
            return Err(MALFORMED);
        }
        Ok(())
    }

    /// A new engine assigns slots in order, so an order's number in the snapshot is its slot.
    fn read_orders(&mut self, from: &mut Reader) -> Read<()> {
        let count = from.count()?;
        let last_acceptance = self.orders.last_acceptance;
        for _ in 0..count {
            self.read_order(count as u32, from)?;
        }
        self.orders.last_acceptance = last_acceptance;
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
                        self.orders[slot].location = Location::Stops;
                    }
                }
            }
            for _ in 0..from.count()? {
                let slot = self.read_slot(at, from)?;
                self.orders[slot].location = Location::Waiting;
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
            Err(MALFORMED)
        }
    }

    fn read_order(&mut self, count: u32, from: &mut Reader) -> Read<()> {
        let mut order = Order {
            id: from.get()?,
            acceptance: from.get()?,
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
            adverse: from.get()?,
            reserve_price: from.get()?,
            maker_ppm: from.get()?,
            taker_ppm: from.get()?,
            fee_credit: from.get()?,
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
        if !linked || !placed || order.acceptance == 0 {
            return Err(MALFORMED);
        }
        order.position = self.ledger.position_or_new(order.account, order.instrument);
        if from.get::<bool>()? {
            let record = self.read_record(from)?;
            order.request = self.requests.insert(&record);
        }
        // `insert_order` counts acceptances itself: set the counter to the value before this order.
        self.orders.last_acceptance = order.acceptance - 1;
        self.insert_order(order);
        Ok(())
    }

    fn read_record(&self, from: &mut Reader) -> Read<Record> {
        let record = Record {
            key: from.get()?,
            body: from.get()?,
            account: from.get()?,
            first: from.get()?,
        };
        let valid = (record.account as usize) < self.ledger.accounts.len() && self.requests.first(record.key).is_none();
        if valid {
            Ok(record)
        } else {
            Err(MALFORMED)
        }
    }

    fn read_resting(&mut self, at: u32, side: Side, from: &mut Reader) -> Read<()> {
        let is_chunk: bool = from.get()?;
        let market = &mut self.markets[at as usize];
        if is_chunk {
            let (feed, price, quantity, hidden): (u32, i64, i64, i64) =
                (from.get()?, from.get()?, from.get()?, from.get()?);
            let chunk = market.chunks.len() as u32;
            let quote = market.quotes.get_mut(feed as usize).ok_or(MALFORMED)?;
            quote.side_mut(side).chunks.push_back(chunk);
            let node = market
                .book
                .ladder_mut(side)
                .push(price, quantity, hidden, 0, OUTSIDE_CHUNK | chunk);
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
        order.location = Location::Book;
        order.node = node;
        Ok(())
    }
}
