//! blake3, and the two digests that make a request idempotent.
//!
//! The hashed bytes have a form of their own (a tag, then each field in little endian with a presence byte). So a new
//! field in a schema does not change the digests of commands that do not use it. A change of this form makes the keys
//! that running clients use (24 h) conflict: add new fields at the end, and only when present.
use crate::command::account_of;
use crate::convert::{kind_to, side_to, stp_to};
use cift_engine as e;
use cift_engine::{AccountId, Command, OrderClass, TimeInForce, Trail};

/// blake3 of a message or of a snapshot.
pub fn blake3(bytes: &[u8]) -> [u8; 32] {
    *::blake3::hash(bytes).as_bytes()
}

fn truncated(hasher: &::blake3::Hasher) -> u128 {
    let hash = hasher.finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_bytes()[..16]);
    u128::from_be_bytes(first)
}

/// Key of a request: the first 128 bits of blake3 over account, verb and the client's own key. `verb` is the command's
/// name in snake case (`place_order`), so that a client may use one key for an order and for its cancel.
pub fn request_key(account: AccountId, verb: &str, client_key: &str) -> u128 {
    let mut h = ::blake3::Hasher::new();
    h.update(b"cift request 1");
    h.update(&account.0.to_be_bytes());
    h.update(&(verb.len() as u32).to_le_bytes());
    h.update(verb.as_bytes());
    h.update(client_key.as_bytes());
    truncated(&h)
}

/// The verb of a command, for [`request_key`].
pub const fn verb(command: &Command) -> &'static str {
    match command {
        Command::PlaceOrder(_) => "place_order",
        Command::ReplaceOrder(_) => "replace_order",
        Command::CancelOrder { .. } => "cancel_order",
        Command::CancelAll { .. } => "cancel_all",
        Command::Deposit { .. } => "deposit",
        Command::Withdraw { .. } => "withdraw",
        Command::ResetAccount { .. } => "reset_account",
        _ => "command",
    }
}

struct Body(::blake3::Hasher);
impl Body {
    fn int(&mut self, value: i128) -> &mut Body {
        self.0.update(&value.to_le_bytes());
        self
    }
    fn some(&mut self, value: Option<i64>) -> &mut Body {
        self.0.update(&[u8::from(value.is_some())]);
        self.int(value.unwrap_or(0).into())
    }
    fn bytes(&mut self, value: &[u8]) -> &mut Body {
        self.0.update(value);
        self
    }
    fn trail(&mut self, trail: Option<Trail>) -> &mut Body {
        match trail {
            None => self.int(0).int(0),
            Some(Trail::Amount(amount)) => self.int(1).int(amount.into()),
            Some(Trail::Ppm(ppm)) => self.int(2).int(ppm.into()),
        }
    }
    fn legs(&mut self, legs: &e::Legs) -> &mut Body {
        self.some(legs.take_profit.map(|l| l.limit_price));
        self.some(legs.stop_loss.map(|l| l.stop_price));
        self.some(legs.stop_loss.and_then(|l| l.limit_price))
    }
}

/// Digest of a command's body. It leaves out the ids that a function makes (order, legs, transfer), because they differ
/// when the client repeats the request, and the request itself. It includes the order id of a cancel or replace and the
/// time of a good-till-date order, because the client chose them. Commands without idempotency have the digest of their
/// account alone.
pub fn body_digest(command: &Command) -> u128 {
    let mut body = Body(::blake3::Hasher::new());
    body.bytes(b"cift body 1").bytes(verb(command).as_bytes());
    body.bytes(&account_of(command).map_or(0, |a| a.0).to_be_bytes());
    match command {
        Command::PlaceOrder(v) => place(&mut body, v),
        Command::ReplaceOrder(v) => {
            body.bytes(&v.order.0.to_be_bytes())
                .some(v.quantity)
                .some(v.limit_price)
                .some(v.stop_price)
                .trail(v.trail);
        }
        Command::CancelOrder { order, .. } => {
            body.bytes(&order.0.to_be_bytes());
        }
        Command::CancelAll { symbol, .. } => {
            body.bytes(&symbol.map_or([0; 16], |s| s.0));
        }
        Command::Deposit { amount, .. } | Command::Withdraw { amount, .. } => {
            body.int(*amount);
        }
        Command::ResetAccount { cash, .. } => {
            body.int(*cash);
        }
        _ => {}
    }
    truncated(&body.0)
}

fn place(body: &mut Body, v: &e::PlaceOrder) {
    body.bytes(&v.symbol.0)
        .int(side_to(v.side) as i128)
        .int(kind_to(v.kind) as i128);
    match v.time_in_force {
        TimeInForce::Day => body.int(0).int(0),
        TimeInForce::Gtc => body.int(1).int(0),
        TimeInForce::Ioc => body.int(2).int(0),
        TimeInForce::Fok => body.int(3).int(0),
        TimeInForce::Gtd(time) => body.int(4).int(time.into()),
    };
    body.int(v.quantity.into())
        .some(v.limit_price)
        .some(v.stop_price)
        .trail(v.trail)
        .some(v.display_quantity);
    body.bytes(&[u8::from(v.post_only), u8::from(v.reduce_only)])
        .int(stp_to(v.self_trade_prevention) as i128);
    match &v.class {
        OrderClass::Simple => body.int(0),
        OrderClass::Bracket(legs) => body.int(1).legs(legs),
        OrderClass::Oto(legs) => body.int(2).legs(legs),
        OrderClass::Oco(stop) => body.int(3).legs(&e::Legs {
            take_profit: None,
            stop_loss: Some(*stop),
        }),
    };
}
