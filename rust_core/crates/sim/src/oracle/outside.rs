//! The oracle's §7: feeds, quotes, prints.

use super::ledger::{Party, Print};
use super::placing::Applied;
use super::risk::require;
use super::*;

const MAX_FEEDS: usize = 16;
const DEFAULT_SILENCE_NS: i64 = 5_000_000_000;

impl Oracle {
    pub(crate) fn define_feed(&mut self, number: u32, house: AccountId, silence_ns: i64) -> Applied {
        let account = self
            .account_of(house)
            .filter(|a| self.accounts[*a].role == AccountRole::House);
        let account = account.ok_or(Refusal::UnknownAccount)?;
        require((0..=DAY_NS).contains(&silence_ns), Refusal::AmountOutOfRange)?;
        let silence = if silence_ns == 0 {
            DEFAULT_SILENCE_NS
        } else {
            silence_ns
        };
        match self.feeds.iter().position(|f| f.number == number) {
            Some(feed) => {
                self.withdraw_feed(feed);
                let f = &mut self.feeds[feed];
                (f.house_account, f.silence_ns, f.last_message_at) = (account, silence, None);
            }
            None => {
                require(self.feeds.len() < MAX_FEEDS, Refusal::TooManyFeeds)?;
                self.feeds.push(Feed {
                    number,
                    house_account: account,
                    silence_ns: silence,
                    last_message_at: None,
                    sequences: BTreeMap::new(),
                    quoted: BTreeMap::new(),
                });
            }
        }
        self.emit(Event::FeedDefined {
            feed: number,
            house,
            silence_ns: silence,
        });
        Ok((None, 0))
    }

    pub(crate) fn withdraw_side(&mut self, feed: usize, book: usize, side: Side) {
        self.side_mut(book, side)
            .retain(|slot| !matches!(slot.owner, Owner::Outside { feed: f, .. } if f == feed));
        self.feeds[feed].quoted.remove(&(book, side == Side::Buy));
    }
    pub(crate) fn withdraw_feed(&mut self, feed: usize) {
        for book in 0..self.books.len() {
            self.withdraw_side(feed, book, Side::Buy);
            self.withdraw_side(feed, book, Side::Sell);
        }
    }
    pub(crate) fn withdraw_symbol(&mut self, book: usize) {
        for feed in 0..self.feeds.len() {
            self.withdraw_side(feed, book, Side::Buy);
            self.withdraw_side(feed, book, Side::Sell);
        }
    }

    /// R7.32, R7.33: the quantity that the house account may still trade on one side.
    pub(crate) fn house_account_capacity(&self, account: usize, book: usize, side: Side) -> i128 {
        let position = self.accounts[account].positions.get(&book).map_or(0, |p| p.0);
        let toward = if side == Side::Buy { position } else { -position };
        round_down(i128::from(MAX_POSITION) - toward, self.books[book].spec.lot.into()).max(0)
    }

    /// R7.7 to R7.12: the checks that quotes and prints share. Returns (feed, instrument).
    fn check_feed_message(
        &mut self,
        number: u32,
        sequence: u64,
        symbol: Symbol,
        sides: &[OutsideSide],
    ) -> Result<(usize, usize), Refusal> {
        let feed = self
            .feeds
            .iter()
            .position(|f| f.number == number)
            .ok_or(Refusal::UnknownFeed)?;
        let book = self.book_of(symbol).ok_or(Refusal::UnknownSymbol)?;
        let currency = self.accounts[self.feeds[feed].house_account].currency;
        require(currency == self.books[book].spec.currency, Refusal::CurrencyMismatch)?;
        for side in sides {
            require((0..=MAX_QUANTITY).contains(&side.quantity), Refusal::QuantityOutOfRange)?;
            require(
                side.quantity == 0 || (1..=MAX_PRICE).contains(&side.price),
                Refusal::PriceOutOfRange,
            )?;
        }
        let now = self.now;
        let f = &mut self.feeds[feed];
        require(
            f.sequences.get(&book).is_none_or(|last| sequence > *last),
            Refusal::StaleSourceSequence,
        )?;
        self.recorded = true;
        f.sequences.insert(book, sequence);
        f.last_message_at = Some(now);
        Ok((feed, book))
    }

    pub(crate) fn quote(
        &mut self,
        number: u32,
        sequence: u64,
        symbol: Symbol,
        bid: OutsideSide,
        ask: OutsideSide,
    ) -> Applied {
        let (feed, book) = self.check_feed_message(number, sequence, symbol, &[bid, ask])?;
        require(!self.closed, Refusal::MarketClosed)?;
        let spec = self.books[book].spec;
        let (tick, lot) = (i128::from(spec.tick), i128::from(spec.lot));
        // (price, quantity); quantity 0: an empty side.
        let on_grid = |side: OutsideSide, up: bool| {
            let price = i128::from(side.price);
            let price = if up {
                round_up(price, tick)
            } else {
                round_down(price, tick)
            };
            let quantity = round_down(side.quantity.into(), lot);
            if price <= 0 || quantity == 0 {
                (0, 0)
            } else {
                (price, quantity)
            }
        };
        let (bid, ask) = (on_grid(bid, false), on_grid(ask, true));
        if bid.1 > 0 && ask.1 > 0 && bid.0 >= ask.0 {
            self.withdraw_side(feed, book, Side::Buy);
            self.withdraw_side(feed, book, Side::Sell);
            return Err(Refusal::CrossedQuote);
        }
        if let (Some(base), true) = (self.books[book].base, bid.1 > 0 && ask.1 > 0) {
            self.books[book].base = Some(base.max(bid.0).min(ask.0));
        }
        if self.books[book].halted {
            return Ok((None, 0));
        }
        let sides = [(Side::Buy, bid), (Side::Sell, ask)];
        for (side, (price, quantity)) in sides {
            let quoted = self.feeds[feed].quoted.get(&(book, side == Side::Buy)).copied();
            if quantity == 0 || quoted != Some(price) {
                self.withdraw_side(feed, book, side);
            }
        }
        for (side, (price, quantity)) in sides {
            if quantity > 0 {
                self.enter_quote(feed, book, side, price, quantity);
            }
        }
        self.drain();
        Ok((None, 0))
    }

    fn enter_quote(&mut self, feed: usize, book: usize, side: Side, price: i128, quantity: i128) {
        self.feeds[feed].quoted.insert((book, side == Side::Buy), price);
        let own = |slot: &Slot| matches!(slot.owner, Owner::Outside { feed: f, .. } if f == feed);
        let present: i128 = self.side(book, side).iter().filter(|s| own(s)).map(|s| s.shown).sum();
        let mut surplus = present - quantity;
        while surplus > 0 {
            let slots = self.side_mut(book, side);
            let last = (0..slots.len())
                .filter(|&i| own(&slots[i]))
                .max_by_key(|&i| slots[i].arrival);
            let last = last.expect("the present quantity is in chunks");
            let taken = surplus.min(slots[last].shown);
            self.consume(book, side, last, taken);
            surplus -= taken;
        }
        let mut left = (quantity - present).max(0);
        if left == 0 {
            return;
        }
        let house_account = self.feeds[feed].house_account;
        let mut pass = Pass::default();
        let mut at_bound = false;
        while left > 0 && self.would_trade(book, side, price) {
            let index = self
                .best(book, opposite(side))
                .expect("`would_trade` found a best entry");
            let slot = self.side(book, opposite(side))[index];
            match slot.owner {
                Owner::Outside { feed: other, .. } => self.withdraw_side(other, book, opposite(side)),
                Owner::User(_) => {
                    let traded = left
                        .min(slot.shown)
                        .min(self.house_account_capacity(house_account, book, side));
                    if traded == 0 {
                        at_bound = true;
                        break;
                    }
                    left -= traded;
                    self.consume(book, opposite(side), index, traded);
                    let maker = self.party(slot.owner);
                    let print = Print {
                        book,
                        price: slot.price,
                        quantity: traded,
                        aggressor: side,
                    };
                    self.trade(print, maker, Party::HouseAccount(house_account), &mut pass);
                }
            }
        }
        if left > 0 && !at_bound {
            self.arrivals += 1;
            let arrival = self.arrivals;
            let owner = Owner::Outside { feed, left };
            self.side_mut(book, side).push(Slot {
                arrival,
                price,
                shown: left,
                owner,
            });
        }
        self.end_pass(book, pass);
    }

    pub(crate) fn print(
        &mut self,
        number: u32,
        sequence: u64,
        symbol: Symbol,
        price: Price,
        quantity: Quantity,
    ) -> Applied {
        let (feed, book) = self.check_feed_message(number, sequence, symbol, &[OutsideSide { price, quantity }])?;
        let spec = self.books[book].spec;
        let price = round_down(price.into(), spec.tick.into());
        let quantity = round_down(quantity.into(), spec.lot.into());
        if price <= 0 || quantity <= 0 {
            return Ok((None, 0));
        }
        let house_account = self.feeds[feed].house_account;
        let mut pass = Pass::default();
        if !self.suspended(book) {
            let reached = |side| self.would_trade(book, opposite(side), price);
            let side = if reached(Side::Buy) {
                Some(Side::Buy)
            } else if reached(Side::Sell) {
                Some(Side::Sell)
            } else {
                None
            };
            if let Some(side) = side {
                self.consume_by_print(house_account, book, side, price, quantity, &mut pass);
            }
        }
        self.record_print(book, price, quantity);
        self.arm_margin_check(self.books[book].spec.currency);
        self.books[book].base = Some(price);
        let (p, q) = (narrow(price), narrow(quantity));
        self.emit(Event::OutsideTraded {
            feed: number,
            symbol,
            price: p,
            quantity: q,
        });
        pass.print(price);
        self.end_pass(book, pass);
        self.drain();
        Ok((None, 0))
    }

    fn consume_by_print(
        &mut self,
        house_account: usize,
        book: usize,
        side: Side,
        price: i128,
        quantity: i128,
        pass: &mut Pass,
    ) {
        let mut left = quantity;
        while left > 0 && self.would_trade(book, opposite(side), price) {
            let index = self.best(book, side).expect("`would_trade` found a best entry");
            let slot = self.side(book, side)[index];
            let mut n = left.min(slot.shown);
            if let Owner::User(_) = slot.owner {
                n = n.min(self.house_account_capacity(house_account, book, opposite(side)));
                if n == 0 {
                    return;
                }
            }
            left -= n;
            self.consume(book, side, index, n);
            if let Owner::User(rank) = slot.owner {
                let print = Print {
                    book,
                    price: slot.price,
                    quantity: n,
                    aggressor: opposite(side),
                };
                self.trade(print, Party::User(rank), Party::HouseAccount(house_account), pass);
            }
        }
    }
}
