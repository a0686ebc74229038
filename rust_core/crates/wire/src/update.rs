//! The messages of UPDATES: what one journal record changed for clients of the streams, as one message.
//!
//! An item is a message of [`crate::market`] or [`crate::account`], with its id and with the symbol or account that
//! it is about. A reader that wants few of them decodes only those.
use crate::convert::*;
use crate::frame::{self, struct_words, WireError};
use crate::update_capnp as w;
use cift_engine::{AccountId, Symbol, Timestamp};

/// Id of an item: the command that caused it, and its place among the items of the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemId {
    pub command: u64,
    pub index: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Trade,
    Quote,
    Book,
    Bar,
    Order,
    Fill,
    Position,
    Cash,
}
impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Trade,
        Kind::Quote,
        Kind::Book,
        Kind::Bar,
        Kind::Order,
        Kind::Fill,
        Kind::Position,
        Kind::Cash,
    ];
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Trade => "trade",
            Kind::Quote => "quote",
            Kind::Book => "book",
            Kind::Bar => "bar",
            Kind::Order => "order",
            Kind::Fill => "fill",
            Kind::Position => "position",
            Kind::Cash => "cash",
        }
    }
    const fn to_wire(self) -> w::Kind {
        match self {
            Kind::Trade => w::Kind::Trade,
            Kind::Quote => w::Kind::Quote,
            Kind::Book => w::Kind::Book,
            Kind::Bar => w::Kind::Bar,
            Kind::Order => w::Kind::Order,
            Kind::Fill => w::Kind::Fill,
            Kind::Position => w::Kind::Position,
            Kind::Cash => w::Kind::Cash,
        }
    }
    const fn from_wire(kind: w::Kind) -> Kind {
        match kind {
            w::Kind::Trade => Kind::Trade,
            w::Kind::Quote => Kind::Quote,
            w::Kind::Book => Kind::Book,
            w::Kind::Bar => Kind::Bar,
            w::Kind::Order => Kind::Order,
            w::Kind::Fill => Kind::Fill,
            w::Kind::Position => Kind::Position,
            w::Kind::Cash => Kind::Cash,
        }
    }
}

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Symbol(Symbol),
    Account(AccountId),
}
impl Key {
    const fn words(self) -> u128 {
        match self {
            Key::Symbol(symbol) => symbol_to(symbol),
            Key::Account(account) => account.0,
        }
    }
    const fn of(kind: Kind, words: u128) -> Key {
        match kind {
            Kind::Trade | Kind::Quote | Kind::Book | Kind::Bar => Key::Symbol(symbol_from(words)),
            Kind::Order | Kind::Fill | Kind::Position | Kind::Cash => Key::Account(AccountId(words)),
        }
    }
}

/// `D` are the bytes of the message: owned by the publisher, borrowed by a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<D> {
    pub id: ItemId,
    pub kind: Kind,
    pub key: Key,
    pub data: D,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateHeader {
    pub record: u64,
    pub timestamp: Timestamp,
    /// Last id of the update before this one; the default: there is none, or the publisher does not know it.
    pub previous: ItemId,
    /// The update has all items up to this id.
    pub last: ItemId,
}

/// Encodes an update.
pub fn encode(header: &UpdateHeader, items: &[Item<Vec<u8>>]) -> Vec<u8> {
    let words = struct_words::<w::update::Builder<'static>>()
        + if items.is_empty() { 0 } else { 1 }
        + items
            .iter()
            .map(|item| struct_words::<w::item::Builder<'static>>() + item.data.len().div_ceil(8))
            .sum::<usize>();
    let mut out = Vec::new();
    frame::write(words, &mut out, |message| {
        let mut b: w::update::Builder<'_> = message.init_root();
        b.set_record(header.record);
        b.set_timestamp(header.timestamp);
        b.set_previous_command(header.previous.command);
        b.set_previous_index(header.previous.index);
        b.set_last_command(header.last.command);
        b.set_last_index(header.last.index);
        if items.is_empty() {
            return;
        }
        let mut list = b.init_items(items.len() as u32);
        for (i, item) in items.iter().enumerate() {
            let mut b = list.reborrow().get(i as u32);
            b.set_command(item.id.command);
            b.set_index(item.id.index);
            b.set_kind(item.kind.to_wire());
            put!(b, set_key_high, set_key_low, item.key.words());
            b.set_data(&item.data);
        }
    });
    out
}

/// Reads an update: its header, and each item by reference.
pub fn decode(bytes: &[u8], mut each: impl FnMut(Item<&[u8]>)) -> Result<UpdateHeader, WireError> {
    let message = frame::open(bytes)?;
    let r = message.get_root::<w::update::Reader<'_>>()?;
    for item in r.get_items()?.iter() {
        let kind = Kind::from_wire(item.get_kind()?);
        each(Item {
            id: ItemId {
                command: item.get_command(),
                index: item.get_index(),
            },
            kind,
            key: Key::of(kind, get_id!(item, get_key_high, get_key_low)),
            data: item.get_data()?,
        });
    }
    Ok(UpdateHeader {
        record: r.get_record(),
        timestamp: r.get_timestamp(),
        previous: ItemId {
            command: r.get_previous_command(),
            index: r.get_previous_index(),
        },
        last: ItemId {
            command: r.get_last_command(),
            index: r.get_last_index(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_every_item_and_its_id() {
        let symbol = Symbol(*b"SPY\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let item = |index, kind, key, length| Item {
            id: ItemId { command: 9, index },
            kind,
            key,
            data: vec![7; length],
        };
        let items = [
            item(3, Kind::Order, Key::Account(AccountId(5 << 70 | 1)), 13),
            item(4, Kind::Trade, Key::Symbol(symbol), 16),
            item(5, Kind::Bar, Key::Symbol(symbol), 0),
        ];
        let header = UpdateHeader {
            record: 4,
            timestamp: -8,
            previous: ItemId { command: 7, index: 6 },
            last: ItemId { command: 9, index: 99 },
        };
        for count in 0..=items.len() {
            let mut read = Vec::new();
            let bytes = encode(&header, &items[..count]);
            let decoded = decode(&bytes, |item| {
                read.push(Item {
                    id: item.id,
                    kind: item.kind,
                    key: item.key,
                    data: item.data.to_vec(),
                });
            });
            assert_eq!(decoded.unwrap(), header);
            assert_eq!(read, items[..count]);
        }
    }
}
