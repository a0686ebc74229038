//! The bytes of a snapshot: fixed-width little-endian integers, options with a leading byte, enums as one
//! byte.
//!
//! Each value has exactly one encoding, so that equal states give equal bytes. Reading never panics: bytes
//! that do not fit are a [`RestoreError`].

use crate::types::*;
use crate::RestoreError;

pub(crate) struct Writer<'a>(pub &'a mut Vec<u8>);

pub(crate) struct Reader<'a>(pub &'a [u8]);

pub(crate) type Read<T> = Result<T, RestoreError>;

pub(crate) const MALFORMED: RestoreError = RestoreError("the snapshot is incomplete or has a value out of range");

/// A value with its one encoding.
pub(crate) trait Field: Sized {
    fn write(&self, out: &mut Writer);
    fn read(from: &mut Reader) -> Read<Self>;
}

impl Writer<'_> {
    pub fn put<T: Field>(&mut self, value: T) {
        value.write(self);
    }
}

impl<'a> Reader<'a> {
    pub fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        if self.0.len() < length {
            return Err(MALFORMED);
        }
        let (head, tail) = self.0.split_at(length);
        self.0 = tail;
        Ok(head)
    }

    pub fn get<T: Field>(&mut self) -> Read<T> {
        T::read(self)
    }

    /// Reads a count of items that take at least one byte each; it cannot exceed the number of bytes left.
    pub fn count(&mut self) -> Read<usize> {
        let count = self.get::<u32>()? as usize;
        if count > self.0.len() {
            return Err(MALFORMED);
        }
        Ok(count)
    }
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl Field for $type {
            fn write(&self, out: &mut Writer) {
                out.0.extend_from_slice(&self.to_le_bytes());
            }
            fn read(from: &mut Reader) -> Read<Self> {
                let bytes = from.take(std::mem::size_of::<$type>())?;
                Ok(<$type>::from_le_bytes(bytes.try_into().map_err(|_| MALFORMED)?))
            }
        }
    )* };
}
integers!(u8, u16, u32, u64, u128, i32, i64, i128);

impl Field for bool {
    fn write(&self, out: &mut Writer) {
        out.put(u8::from(*self));
    }
    fn read(from: &mut Reader) -> Read<Self> {
        match from.get::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(MALFORMED),
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut Writer) {
        out.put(self.is_some());
        if let Some(value) = self {
            value.write(out);
        }
    }
    fn read(from: &mut Reader) -> Read<Self> {
        Ok(if from.get::<bool>()? { Some(from.get()?) } else { None })
    }
}

impl<const N: usize> Field for [u8; N] {
    fn write(&self, out: &mut Writer) {
        out.0.extend_from_slice(self);
    }
    fn read(from: &mut Reader) -> Read<Self> {
        from.take(N)?.try_into().map_err(|_| MALFORMED)
    }
}

/// Enums without data: encoded as the index in a list that only grows at its end.
macro_rules! enums {
    ($($type:ident [ $($variant:ident),* ]),* $(,)?) => { $(
        impl Field for $type {
            fn write(&self, out: &mut Writer) {
                const ALL: &[$type] = &[$($type::$variant),*];
                let at = ALL.iter().position(|value| value == self).unwrap_or(usize::MAX);
                out.put(at as u8);
            }
            fn read(from: &mut Reader) -> Read<Self> {
                const ALL: &[$type] = &[$($type::$variant),*];
                ALL.get(from.get::<u8>()? as usize).copied().ok_or(MALFORMED)
            }
        }
    )* };
}
enums!(
    Side[Buy, Sell],
    OrderKind[Market, Limit, Stop, StopLimit, TrailingStop],
    SelfTradePrevention[CancelNewest, CancelOldest, CancelBoth, None],
    AccountKind[Cash, Margin],
    AccountRole[Customer, House],
    AccountState[Active, ReduceOnly, Suspended, Closed],
);

/// Enums with codes of their own.
macro_rules! coded {
    ($($type:ident),*) => { $(
        impl Field for $type {
            fn write(&self, out: &mut Writer) {
                out.put(self.code());
            }
            fn read(from: &mut Reader) -> Read<Self> {
                $type::from_code(from.get()?).ok_or(MALFORMED)
            }
        }
    )* };
}
coded!(OrderStatus, CloseReason, Refusal);

impl Field for TimeInForce {
    fn write(&self, out: &mut Writer) {
        let (tag, time) = match *self {
            TimeInForce::Day => (0u8, 0),
            TimeInForce::Gtc => (1, 0),
            TimeInForce::Ioc => (2, 0),
            TimeInForce::Fok => (3, 0),
            TimeInForce::Gtd(time) => (4, time),
        };
        out.put(tag);
        out.put(time);
    }
    fn read(from: &mut Reader) -> Read<Self> {
        match (from.get::<u8>()?, from.get::<i64>()?) {
            (0, 0) => Ok(TimeInForce::Day),
            (1, 0) => Ok(TimeInForce::Gtc),
            (2, 0) => Ok(TimeInForce::Ioc),
            (3, 0) => Ok(TimeInForce::Fok),
            (4, time) => Ok(TimeInForce::Gtd(time)),
            _ => Err(MALFORMED),
        }
    }
}

impl Field for Trail {
    fn write(&self, out: &mut Writer) {
        match *self {
            Trail::Amount(amount) => {
                out.put(0u8);
                out.put(amount);
            }
            Trail::Ppm(ppm) => {
                out.put(1u8);
                out.put(ppm);
            }
        }
    }
    fn read(from: &mut Reader) -> Read<Self> {
        match from.get::<u8>()? {
            0 => Ok(Trail::Amount(from.get()?)),
            1 => Ok(Trail::Ppm(from.get()?)),
            _ => Err(MALFORMED),
        }
    }
}

macro_rules! structs {
    ($($type:ident { $($field:ident),* }),* $(,)?) => { $(
        impl Field for $type {
            fn write(&self, out: &mut Writer) {
                $( self.$field.write(out); )*
            }
            fn read(from: &mut Reader) -> Read<Self> {
                Ok($type { $( $field: from.get()? ),* })
            }
        }
    )* };
}
structs!(
    Instrument {
        symbol,
        currency,
        tick,
        lot,
        band_ppm,
        collar_ppm
    },
    Limits {
        max_order_quantity,
        max_order_notional,
        max_position,
        max_open_orders,
        max_orders_per_second,
        max_daily_loss,
        leverage_percent
    },
    OrderSummary {
        order,
        status,
        reason,
        quantity,
        filled,
        filled_notional
    },
    FirstResult {
        sequence,
        at,
        order,
        affected,
        refusal
    },
);

macro_rules! wrappers {
    ($($type:ident),*) => { $(
        impl Field for $type {
            fn write(&self, out: &mut Writer) {
                self.0.write(out);
            }
            fn read(from: &mut Reader) -> Read<Self> {
                Ok($type(from.get()?))
            }
        }
    )* };
}
wrappers!(AccountId, OrderId, Symbol, Currency);

/// FNV-1a over 8-byte words. It detects incomplete and altered bytes, not deliberate manipulation.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325u64 ^ bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01B3);
        hash ^= hash >> 32;
    }
    hash
}
