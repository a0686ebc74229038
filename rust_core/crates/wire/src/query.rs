//! Queries on `engine.<shard>.query` and their answers: JSON in, JSON out.
//!
//! A query is an object with exactly one key, the name of the query. An answer is one of the structs below, or
//! `{"error": …, "message": …}`. The Python types of both are written from this module.
use crate::annotation::{sent_field_of, Annotated, Field, Module};
use crate::json::{Decimal, Json};
use crate::limits::{MAX_BOOK_LEVELS_PER_QUERY, MAX_QUOTES_PER_QUERY};
use cift_engine as e;

impl Annotated for Decimal {
    fn annotation() -> String {
        "str".into()
    }
}

/// Price, quantity and number of orders of one level of the book.
pub type BookLevel = (Decimal, Decimal, u32);

macro_rules! answers {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $field_doc:literal])* $field:ident: $type:ty),+ $(,)? })+) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name { $($(#[doc = $field_doc])* pub $field: $type),+ }

            impl Json for $name {
                fn write(&self, out: &mut String) {
                    let mut before = '{';
                    $(
                        out.push(before);
                        before = ',';
                        out.push_str(concat!("\"", stringify!($field), "\":"));
                        self.$field.write(out);
                    )+
                    debug_assert_eq!(before, ',');
                    out.push('}');
                }
            }

            impl Annotated for $name {
                fn annotation() -> String {
                    stringify!($name).into()
                }
            }
        )+

        fn define_answers(module: &mut Module) {
            $( module.class(
                stringify!($name),
                concat!($($doc),*),
                &[],
                &[$(Field::new(stringify!($field), <$type>::annotation())),+],
            ); )+
        }
    };
}
answers! {
    /// Limits of an account; null: no limit of that kind.
    AccountLimits {
        max_order_quantity: Option<Decimal>,
        max_order_notional: Option<Decimal>,
        max_position: Option<Decimal>,
        max_open_orders: u32,
        max_orders_per_second: u32,
        max_daily_loss: Option<Decimal>,
        leverage_percent: u32,
    }
    /// An account, valued at the last prices.
    Account {
        id: e::AccountId,
        kind: e::AccountKind,
        role: e::AccountRole,
        state: e::AccountState,
        currency: e::Currency,
        cash: Decimal,
        reserved: Decimal,
        equity: Decimal,
        gross: Decimal,
        buying_power: Decimal,
        withdrawable: Decimal,
        daily_loss_baseline: Decimal,
        open_orders: u32,
        maintenance_margin: Decimal,
        limits: AccountLimits,
    }
    /// A position of an account; mark is the price that values it (R2.12).
    HeldPosition {
        symbol: e::Symbol,
        quantity: Decimal,
        cost: Decimal,
        mark: Option<Decimal>,
        open_buys: Decimal,
        open_sells: Decimal,
    }
    /// Answer to AccountQuery; sequence is the journal record that changed the account last.
    AccountAnswer {
        account: Account,
        positions: Vec<HeldPosition>,
        sequence: u64,
    }
    /// Answer to AccountSequenceQuery: the journal record that changed the account last.
    AccountSequenceAnswer { sequence: u64 }
    /// Answer to OrderQuery: an open order.
    OrderAnswer {
        order: e::OrderId,
        status: e::OrderStatus,
        reason: Option<e::CloseReason>,
        quantity: Decimal,
        filled: Decimal,
        filled_notional: Decimal,
        sequence: u64,
    }
    /// Best prices and last print of a symbol; null where there is none. last_at is in ns.
    Quote {
        symbol: e::Symbol,
        bid: Option<Decimal>,
        bid_quantity: Option<Decimal>,
        ask: Option<Decimal>,
        ask_quantity: Option<Decimal>,
        last: Option<Decimal>,
        last_quantity: Option<Decimal>,
        last_at: Option<i64>,
        halted: bool,
    }
    /// Answer to QuoteQuery, in the order of the query; at is the time of the last record in ns.
    QuoteAnswer {
        quotes: Vec<Quote>,
        sequence: u64,
        at: i64,
    }
    /// Answer to BookQuery, best level first; the checksum covers the best ten levels a side.
    BookAnswer {
        symbol: e::Symbol,
        bids: Vec<BookLevel>,
        asks: Vec<BookLevel>,
        sequence: u64,
        at: i64,
        checksum: u32,
    }
    /// An instrument as it trades now.
    ListedInstrument {
        symbol: e::Symbol,
        currency: e::Currency,
        tick: Decimal,
        lot: Decimal,
        band_ppm: u32,
        collar_ppm: u32,
        halted: bool,
    }
    /// Answer to InstrumentsQuery.
    InstrumentsAnswer {
        instruments: Vec<ListedInstrument>,
        sequence: u64,
    }
    /// A feed of outside prices. alive_at: its last message in ns; null: it is silent, or never sent anything.
    Feed {
        feed: u32,
        silence_ns: i64,
        alive_at: Option<i64>,
    }
    /// Answer to FeedsQuery; closed: between sessions.
    FeedsAnswer {
        feeds: Vec<Feed>,
        closed: bool,
        sequence: u64,
        at: i64,
    }
    /// Answer to CheckQuery where the engine would accept the order.
    CheckAdmitted {
        admitted: True,
        reserve: Decimal,
        reserve_price: Decimal,
        buying_power: Decimal,
        reference: Option<Decimal>,
        sequence: u64,
    }
    /// Answer to CheckQuery where the engine would refuse the order.
    CheckRefused {
        admitted: False,
        reason: e::Refusal,
        sequence: u64,
    }
    /// Answer to MaxOrderSizeQuery; quantity is "0" where no quantity would be accepted.
    MaxOrderSizeAnswer { quantity: Decimal, sequence: u64 }
    /// Answer to StatusQuery.
    StatusAnswer {
        epoch: u64,
        sequence: u64,
        command_sequence: u64,
        timestamp: i64,
        rules: u32,
        instruments: usize,
        accounts: usize,
        orders: usize,
        journal_bytes: u64,
        journal_max_bytes: u64,
        pending: usize,
    }
}

macro_rules! constants {
    ($($name:ident $json:literal $python:literal)+) => {$(
        /// A boolean that has one value only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;
        impl Json for $name {
            fn write(&self, out: &mut String) {
                out.push_str($json);
            }
        }
        impl Annotated for $name {
            fn annotation() -> String {
                concat!("Literal[", $python, "]").into()
            }
        }
    )+};
}
constants! {
    True "true" "True"
    False "false" "False"
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// A refusal, or `invalid_query`.
    pub error: &'static str,
    pub message: String,
    /// Where `error` is `unknown_symbol`.
    pub symbol: Option<String>,
}

impl Json for QueryError {
    fn write(&self, out: &mut String) {
        out.push_str("{\"error\":");
        self.error.write(out);
        out.push_str(",\"message\":");
        self.message.write(out);
        if let Some(symbol) = &self.symbol {
            out.push_str(",\"symbol\":");
            symbol.write(out);
        }
        out.push('}');
    }
}

/// The queries: name, type of the value, answer.
pub const QUERIES: [(&str, &str, &str, &str); 10] = [
    ("account", "AccountQuery", "str", "AccountAnswer"),
    (
        "account_sequence",
        "AccountSequenceQuery",
        "str",
        "AccountSequenceAnswer",
    ),
    ("order", "OrderQuery", "str", "OrderAnswer"),
    ("quote", "QuoteQuery", "Sequence[str]", "QuoteAnswer"),
    ("book", "BookQuery", "BookWanted", "BookAnswer"),
    ("instruments", "InstrumentsQuery", "NoParameters", "InstrumentsAnswer"),
    ("feeds", "FeedsQuery", "NoParameters", "FeedsAnswer"),
    ("check", "CheckQuery", "PlaceOrder", "CheckAnswer"),
    (
        "max_order_size",
        "MaxOrderSizeQuery",
        "SizedOrder",
        "MaxOrderSizeAnswer",
    ),
    ("status", "StatusQuery", "NoParameters", "StatusAnswer"),
];

/// Writes the types of queries and answers.
pub fn define(module: &mut Module) {
    module.class("NoParameters", "A query without parameters: {}.", &[], &[]);
    let depth = format!("A book, of at most {MAX_BOOK_LEVELS_PER_QUERY} levels a side; depth is 10 unless given.");
    module.class(
        "BookWanted",
        &depth,
        &[],
        &[Field::new("symbol", "str"), Field::new("depth", "int").optional()],
    );
    let order = |name| Field::new(name, "int | None").optional();
    module.class(
        "SizedOrder",
        "An order without its quantity.",
        &[],
        &[
            Field::new("account", "str"),
            Field::new("symbol", "str"),
            Field::new("side", "Side"),
            Field::new("kind", "OrderKind"),
            order("limit_price"),
            order("stop_price"),
            sent_field_of("trail", |order: &e::PlaceOrder| &order.trail),
        ],
    );
    for (name, query, value, answer) in QUERIES {
        let quotes = format!(" At most {MAX_QUOTES_PER_QUERY} symbols.");
        let limit = if name == "quote" { quotes.as_str() } else { "" };
        module.class(
            query,
            &format!("Returns {answer}.{limit}"),
            &[],
            &[Field::new(name, value)],
        );
    }
    let queries: Vec<&str> = QUERIES.iter().map(|query| query.1).collect();
    module.code("\n");
    module.union("Query", &queries);
    define_answers(module);
    module.code("\n");
    module.code("CheckAnswer: TypeAlias = CheckAdmitted | CheckRefused");
    let answers: Vec<&str> = QUERIES.iter().map(|query| query.3).collect();
    module.union("Answer", &answers);
    module.class(
        "QueryError",
        "The reply to a query that has no answer. error is a Refusal or \"invalid_query\".",
        &[],
        &[
            Field::new("error", "str"),
            Field::new("message", "str"),
            Field::new("symbol", "str").optional(),
        ],
    );
}
