//! The structures of the ABI. Prices are in ticks of 0.005.

use std::ffi::c_void;

pub const ORDER_ACK: u8 = 0;
pub const TRADE: u8 = 1;
pub const CANCEL_ACK: u8 = 2;
pub const MODIFY_ACK: u8 = 3;
pub const CANCEL_REJECT: u8 = 4;
pub const MODIFY_REJECT: u8 = 5;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub order_id: u64,
    pub sequence: u64,
    pub price: i64,
    pub quantity: u32,
    /// 0: buy, 1: sell.
    pub side: u8,
    pub ioc: u8,
    pub reserved: [u8; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    pub order_id: u64,
    pub sequence: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modify {
    pub order_id: u64,
    pub sequence: u64,
    pub price: i64,
    pub quantity: u32,
    pub side: u8,
    pub reserved: [u8; 3],
}

impl Modify {
    /// The order that replaces the one modified, which had this side.
    pub fn replacement(&self, side: u8) -> NewOrder {
        NewOrder {
            order_id: self.order_id,
            sequence: self.sequence,
            price: self.price,
            quantity: self.quantity,
            side,
            ioc: 0,
            reserved: [0; 2],
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub kind: u8,
    pub side: u8,
    pub reserved: [u8; 6],
    pub sequence: u64,
    pub order_id: u64,
    pub price: i64,
    pub quantity: u32,
    pub reserved_2: u32,
    pub maker: u64,
    pub taker: u64,
    pub reserved_3: u64,
}

const _: () = assert!(size_of::<NewOrder>() == 32 && size_of::<Cancel>() == 16);
const _: () = assert!(size_of::<Modify>() == 32 && size_of::<Report>() == 64);

impl Report {
    #[inline]
    pub(crate) fn of(kind: u8, sequence: u64, order_id: u64, side: u8, price: i64, quantity: u32) -> Report {
        Report {
            kind,
            side,
            sequence,
            order_id,
            price,
            quantity,
            ..Report::default()
        }
    }

    #[inline]
    pub(crate) fn trade(sequence: u64, price: i64, quantity: u32, maker: u64, taker: u64) -> Report {
        Report {
            kind: TRADE,
            sequence,
            price,
            quantity,
            maker,
            taker,
            ..Report::default()
        }
    }
}

/// The queue of reports between engine and harness.
#[repr(C)]
pub struct Transport {
    pub create: unsafe extern "C" fn(u32) -> *mut c_void,
    pub push: unsafe extern "C" fn(*mut c_void, *const Report) -> i32,
    pub drain: unsafe extern "C" fn(*mut c_void, *mut Report, u32) -> u32,
    pub flush: unsafe extern "C" fn(*mut c_void),
    pub destroy: unsafe extern "C" fn(*mut c_void),
}
