//! The names of the engine's enums that have no code of their own (sides, order kinds, account kinds, …).
//!
//! JSON queries, Python dicts and the generated Python types all take the names from here. Enums with codes
//! (`Refusal`, `OrderStatus`, …) have their names in the engine.
use cift_engine as e;

/// An enum whose values travel as names in JSON and in Python.
pub trait Named: Copy + Sized + 'static {
    /// The name of the type itself, in Rust and in Python.
    const TYPE: &'static str;
    const ALL: &'static [Self];
    fn name(self) -> &'static str;
    fn from_name(name: &str) -> Option<Self>;
}

macro_rules! named {
    ($($type:ident { $($variant:ident = $name:literal),+ $(,)? })+) => {$(
        // The codec finds a value's name by its discriminant.
        const _: () = {
            let all = <e::$type as Named>::ALL;
            let mut at = 0;
            while at < all.len() {
                assert!(all[at] as usize == at, "ALL has the order of the declaration");
                at += 1;
            }
        };
        impl Named for e::$type {
            const TYPE: &'static str = stringify!($type);
            const ALL: &'static [Self] = &[$(e::$type::$variant),+];
            fn name(self) -> &'static str {
                match self { $(e::$type::$variant => $name),+ }
            }
            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(e::$type::$variant),)+
                    _ => None,
                }
            }
        }
    )+};
}
named! {
    AccountKind { Cash = "cash", Margin = "margin" }
    AccountRole { Customer = "customer", House = "house" }
    AccountState { Active = "active", ReduceOnly = "reduce_only", Suspended = "suspended", Closed = "closed" }
    Side { Buy = "buy", Sell = "sell" }
    OrderKind { Market = "market", Limit = "limit", Stop = "stop", StopLimit = "stop_limit", TrailingStop = "trailing_stop" }
    SelfTradePrevention {
        CancelNewest = "cancel_newest", CancelOldest = "cancel_oldest", CancelBoth = "cancel_both", None = "none",
    }
}

macro_rules! coded {
    ($($type:ident),+) => {$(
        impl Named for e::$type {
            const TYPE: &'static str = stringify!($type);
            const ALL: &'static [Self] = e::$type::ALL;
            fn name(self) -> &'static str {
                self.as_str()
            }
            fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }
    )+};
}
coded!(Refusal, OrderStatus, CloseReason, CashKind, PositionKind);

#[cfg(test)]
mod tests {
    use super::*;

    fn names_are_read_again<T: Named + PartialEq + std::fmt::Debug>() {
        for &value in T::ALL {
            assert_eq!(T::from_name(value.name()), Some(value));
        }
        assert_eq!(T::from_name("nonsense"), None);
    }

    #[test]
    fn every_name_is_read_again() {
        names_are_read_again::<e::AccountKind>();
        names_are_read_again::<e::AccountRole>();
        names_are_read_again::<e::AccountState>();
        names_are_read_again::<e::Side>();
        names_are_read_again::<e::OrderKind>();
        names_are_read_again::<e::SelfTradePrevention>();
        names_are_read_again::<e::Refusal>();
        names_are_read_again::<e::OrderStatus>();
        names_are_read_again::<e::CloseReason>();
        names_are_read_again::<e::CashKind>();
        names_are_read_again::<e::PositionKind>();
    }
}
