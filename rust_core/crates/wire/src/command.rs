//! Commands in their envelopes, in requests to the engine and in the journal.
use crate::command_capnp as w;
use crate::command_read::get_envelope;
use crate::convert::*;
use crate::facts::*;
use crate::frame::{self, struct_words, text_words, Message, WireError};
use crate::limits::{MAX_CLIENT_ORDER_ID_BYTES, MAX_COMMANDS_PER_REQUEST, MAX_REQUEST_BYTES};
use crate::types_capnp::{ClassKind, TrailKind};
use cift_engine as e;
use cift_engine::{AccountId, Command, OrderClass, Symbol};

/// What travels with a command. The engine does not see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta<'a> {
    /// W3C trace id; 0 = none.
    pub trace: u128,
    /// W3C parent span id; 0 = none.
    pub span: u64,
    /// matchd does not sequence the command after this time (ns since the epoch); 0 = never expires.
    pub expires_at: i64,
    /// At most [`MAX_CLIENT_ORDER_ID_BYTES`]; empty = none.
    pub client_order_id: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub meta: Meta<'a>,
    pub command: Command,
}

/// The idempotency request of a command. `None`: it has none, or its kind takes none.
pub const fn request_of(command: &Command) -> Option<e::Request> {
    match command {
        Command::Deposit { request, .. }
        | Command::Withdraw { request, .. }
        | Command::ResetAccount { request, .. }
        | Command::CancelOrder { request, .. }
        | Command::CancelAll { request, .. } => *request,
        Command::PlaceOrder(place) => place.request,
        Command::ReplaceOrder(replace) => replace.request,
        _ => None,
    }
}
/// The account of a command. `None`: it has none.
pub const fn account_of(command: &Command) -> Option<e::AccountId> {
    match command {
        Command::Deposit { account, .. }
        | Command::Withdraw { account, .. }
        | Command::ResetAccount { account, .. }
        | Command::CancelOrder { account, .. }
        | Command::CancelAll { account, .. }
        | Command::OpenAccount { account, .. }
        | Command::SetLimits { account, .. }
        | Command::SetAccountState { account, .. } => Some(*account),
        Command::PlaceOrder(place) => Some(place.account),
        Command::ReplaceOrder(replace) => Some(replace.account),
        _ => None,
    }
}

/// Encodes a request. Panics if a client order id is longer than its limit; callers check it before.
pub fn encode_commands(commands: &[Envelope<'_>]) -> Vec<u8> {
    let words = struct_words::<w::command_batch::Builder<'static>>()
        + 1
        + commands
            .iter()
            .map(|c| ENVELOPE_WORDS + envelope_content_words(&c.meta, &c.command))
            .sum::<usize>();
    let mut out = Vec::new();
    frame::write(words, &mut out, |message| {
        let root: w::command_batch::Builder<'_> = message.init_root();
        let mut list = root.init_commands(commands.len() as u32);
        for (i, envelope) in commands.iter().enumerate() {
            put_envelope(list.reborrow().get(i as u32), &envelope.meta, &envelope.command);
        }
    });
    out
}

/// A request that borrows its bytes.
pub struct CommandBatch<'a>(Message<'a>);

impl<'a> CommandBatch<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<CommandBatch<'a>, WireError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(WireError::TooLong {
                what: "request bytes",
                limit: MAX_REQUEST_BYTES,
            });
        }
        Ok(CommandBatch(frame::open(bytes)?))
    }
    /// The first command alone; `None` if there is none.
    pub fn first(&self) -> Result<Option<Command>, WireError> {
        let commands = self.0.get_root::<w::command_batch::Reader<'_>>()?.get_commands()?;
        match commands.is_empty() {
            true => Ok(None),
            false => Ok(Some(get_envelope(commands.get(0))?.command)),
        }
    }
    /// Decodes every command, in order. One invalid command makes the whole request invalid.
    pub fn for_each(&self, mut each: impl FnMut(Envelope<'_>)) -> Result<usize, WireError> {
        let commands = self.0.get_root::<w::command_batch::Reader<'_>>()?.get_commands()?;
        if commands.len() as usize > MAX_COMMANDS_PER_REQUEST {
            return Err(WireError::TooLong {
                what: "commands",
                limit: MAX_COMMANDS_PER_REQUEST,
            });
        }
        for envelope in commands.iter() {
            each(get_envelope(envelope)?);
        }
        Ok(commands.len() as usize)
    }
}

pub(crate) const ENVELOPE_WORDS: usize = struct_words::<w::command_envelope::Builder<'static>>();

/// Words of an envelope's content outside its struct.
pub(crate) fn envelope_content_words(meta: &Meta<'_>, command: &Command) -> usize {
    text_words(meta.client_order_id) + command_words(command)
}

fn command_words(command: &Command) -> usize {
    const fn of<B: capnp::traits::HasStructSize>() -> usize {
        struct_words::<B>()
    }
    match command {
        Command::EngineStarted { .. }
        | Command::AdvanceTime
        | Command::Continue
        | Command::SetRules { .. }
        | Command::EnableFormat { .. } => 0,
        Command::DefineInstrument(_) => INSTRUMENT_WORDS,
        Command::DefineFeed { .. } => of::<w::define_feed::Builder<'static>>(),
        Command::SetFees { .. } => of::<w::set_fees::Builder<'static>>(),
        Command::SetMargin { .. } => of::<w::set_margin::Builder<'static>>(),
        Command::SetSession { .. } => of::<w::set_session::Builder<'static>>(),
        Command::Halt { .. } | Command::Resume { .. } => of::<w::symbol_ref::Builder<'static>>(),
        Command::Split { .. } => of::<w::split::Builder<'static>>(),
        Command::Dividend { .. } => of::<w::dividend::Builder<'static>>(),
        Command::OpenAccount { .. } => of::<w::open_account::Builder<'static>>(),
        Command::Deposit { .. } | Command::Withdraw { .. } | Command::ResetAccount { .. } => {
            of::<w::transfer::Builder<'static>>()
        }
        Command::SetLimits { .. } => of::<w::set_limits::Builder<'static>>() + LIMITS_WORDS,
        Command::SetAccountState { .. } => of::<w::set_account_state::Builder<'static>>(),
        Command::PlaceOrder(place) => {
            let legs = if matches!(place.class, OrderClass::Simple) {
                0
            } else {
                of::<w::legs::Builder<'static>>()
            };
            of::<w::place_order::Builder<'static>>() + legs
        }
        Command::ReplaceOrder(_) => of::<w::replace_order::Builder<'static>>(),
        Command::CancelOrder { .. } => of::<w::cancel_order::Builder<'static>>(),
        Command::CancelAll { .. } => of::<w::cancel_all::Builder<'static>>(),
        Command::OutsideQuote { .. } => of::<w::outside_quote::Builder<'static>>(),
        Command::OutsideTrade { .. } => of::<w::outside_trade::Builder<'static>>(),
    }
}

pub(crate) fn put_envelope(mut b: w::command_envelope::Builder<'_>, meta: &Meta<'_>, command: &Command) {
    put!(b, set_trace_high, set_trace_low, meta.trace);
    b.set_span(meta.span);
    b.set_expires_at(meta.expires_at);
    if !meta.client_order_id.is_empty() {
        assert!(
            meta.client_order_id.len() <= MAX_CLIENT_ORDER_ID_BYTES,
            "client order id too long"
        );
        b.set_client_order_id(meta.client_order_id);
    }
    if let Some(request) = request_of(command) {
        b.set_has_request(true);
        put!(b, set_request_key_high, set_request_key_low, request.key);
        put!(b, set_request_body_high, set_request_body_low, request.body);
    }
    put_command(b.init_command(), command);
}

fn put_cancel_all(mut c: w::cancel_all::Builder<'_>, account: AccountId, symbol: Option<Symbol>) {
    put!(c, set_account_high, set_account_low, account.0);
    if let Some(symbol) = symbol {
        c.set_has_symbol(true);
        put!(c, set_symbol_high, set_symbol_low, symbol_to(symbol));
    }
}

fn put_command(mut b: w::command_envelope::command::Builder<'_>, command: &Command) {
    match command {
        Command::EngineStarted { epoch } => b.set_engine_started(*epoch),
        Command::AdvanceTime => b.set_advance_time(()),
        Command::Continue => b.set_continue(()),
        Command::SetRules { version } => b.set_set_rules(*version),
        Command::EnableFormat { format } => b.set_enable_format(*format),
        Command::DefineInstrument(instrument) => put_instrument(b.init_define_instrument(), instrument),
        Command::DefineFeed {
            feed,
            house,
            silence_ns,
        } => put_feed(b.init_define_feed(), *feed, *house, *silence_ns),
        Command::SetFees { maker_ppm, taker_ppm } => put_fees(b.init_set_fees(), *maker_ppm, *taker_ppm),
        Command::SetMargin {
            insurance,
            maintenance_percent,
            interval_ns,
        } => put_margin(b.init_set_margin(), *insurance, *maintenance_percent, *interval_ns),
        Command::SetSession { session, closes_at } => put_session(b.init_set_session(), *session, *closes_at),
        Command::Halt { symbol } => put_symbol(b.init_halt(), *symbol),
        Command::Resume { symbol } => put_symbol(b.init_resume(), *symbol),
        Command::Split {
            symbol,
            numerator,
            denominator,
        } => put_split(b.init_split(), *symbol, *numerator, *denominator),
        Command::Dividend { symbol, amount } => {
            let mut d = b.init_dividend();
            put!(d, set_symbol_high, set_symbol_low, symbol_to(*symbol));
            put!(d, set_amount_high, set_amount_low, *amount);
        }
        Command::OpenAccount {
            account,
            kind,
            role,
            currency,
        } => put_open(b.init_open_account(), *account, *kind, *role, *currency),
        Command::Deposit {
            account,
            transfer,
            amount,
            ..
        } => put_transfer(b.init_deposit(), *account, *transfer, *amount),
        Command::Withdraw {
            account,
            transfer,
            amount,
            ..
        } => put_transfer(b.init_withdraw(), *account, *transfer, *amount),
        Command::ResetAccount {
            account,
            transfer,
            cash,
            ..
        } => put_transfer(b.init_reset_account(), *account, *transfer, *cash),
        Command::SetLimits { account, limits } => put_account_limits(b.init_set_limits(), *account, limits),
        Command::SetAccountState { account, state } => put_state(b.init_set_account_state(), *account, *state),
        Command::PlaceOrder(place) => put_place(b.init_place_order(), place),
        Command::ReplaceOrder(replace) => put_replace(b.init_replace_order(), replace),
        Command::CancelOrder { account, order, .. } => {
            let mut c = b.init_cancel_order();
            put!(c, set_account_high, set_account_low, account.0);
            put!(c, set_order_high, set_order_low, order.0);
        }
        Command::CancelAll { account, symbol, .. } => put_cancel_all(b.init_cancel_all(), *account, *symbol),
        Command::OutsideQuote {
            feed,
            source_sequence,
            symbol,
            bid,
            ask,
        } => {
            let mut q = b.init_outside_quote();
            q.set_feed(*feed);
            q.set_source_sequence(*source_sequence);
            put!(q, set_symbol_high, set_symbol_low, symbol_to(*symbol));
            q.set_bid_price(bid.price);
            q.set_bid_quantity(bid.quantity);
            q.set_ask_price(ask.price);
            q.set_ask_quantity(ask.quantity);
        }
        Command::OutsideTrade {
            feed,
            source_sequence,
            symbol,
            price,
            quantity,
        } => {
            let mut t = b.init_outside_trade();
            t.set_feed(*feed);
            t.set_source_sequence(*source_sequence);
            put!(t, set_symbol_high, set_symbol_low, symbol_to(*symbol));
            t.set_price(*price);
            t.set_quantity(*quantity);
        }
    }
}

fn put_transfer(mut b: w::transfer::Builder<'_>, account: e::AccountId, transfer: e::TransferId, amount: e::Money) {
    put!(b, set_account_high, set_account_low, account.0);
    put!(b, set_transfer_high, set_transfer_low, transfer.0);
    put!(b, set_amount_high, set_amount_low, amount);
}

fn put_place(mut b: w::place_order::Builder<'_>, v: &e::PlaceOrder) {
    put!(b, set_account_high, set_account_low, v.account.0);
    put!(b, set_order_high, set_order_low, v.order.0);
    put!(b, set_symbol_high, set_symbol_low, symbol_to(v.symbol));
    b.set_side(side_to(v.side));
    b.set_kind(kind_to(v.kind));
    let (tif, good_till) = tif_to(v.time_in_force);
    b.set_time_in_force(tif);
    b.set_good_till(good_till);
    b.set_self_trade_prevention(stp_to(v.self_trade_prevention));
    b.set_quantity(v.quantity);
    put_some!(b, set_has_limit_price, set_limit_price, v.limit_price);
    put_some!(b, set_has_stop_price, set_stop_price, v.stop_price);
    put_some!(b, set_has_display_quantity, set_display_quantity, v.display_quantity);
    b.set_post_only(v.post_only);
    b.set_reduce_only(v.reduce_only);
    let (trail_kind, trail) = trail_to(v.trail);
    b.set_trail_kind(trail_kind);
    b.set_trail(trail);
    let (class, legs) = match v.class {
        OrderClass::Simple => (ClassKind::Simple, None),
        OrderClass::Bracket(legs) => (ClassKind::Bracket, Some(legs)),
        OrderClass::Oto(legs) => (ClassKind::Oto, Some(legs)),
        OrderClass::Oco(stop) => (
            ClassKind::Oco,
            Some(e::Legs {
                take_profit: None,
                stop_loss: Some(stop),
            }),
        ),
    };
    b.set_class(class);
    if let Some(legs) = legs {
        let mut l = b.init_legs();
        if let Some(profit) = legs.take_profit {
            l.set_has_take_profit(true);
            put!(l, set_take_profit_order_high, set_take_profit_order_low, profit.order.0);
            l.set_take_profit_limit(profit.limit_price);
        }
        if let Some(stop) = legs.stop_loss {
            l.set_has_stop_loss(true);
            put!(l, set_stop_loss_order_high, set_stop_loss_order_low, stop.order.0);
            l.set_stop_loss_stop(stop.stop_price);
            put_some!(l, set_stop_loss_has_limit, set_stop_loss_limit, stop.limit_price);
        }
    }
}

fn put_replace(mut b: w::replace_order::Builder<'_>, v: &e::ReplaceOrder) {
    put!(b, set_account_high, set_account_low, v.account.0);
    put!(b, set_order_high, set_order_low, v.order.0);
    put_some!(b, set_has_quantity, set_quantity, v.quantity);
    put_some!(b, set_has_limit_price, set_limit_price, v.limit_price);
    put_some!(b, set_has_stop_price, set_stop_price, v.stop_price);
    let (kind, trail): (TrailKind, i64) = trail_to(v.trail);
    b.set_trail_kind(kind);
    b.set_trail(trail);
}
