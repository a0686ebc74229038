//! Price, then time, at the resting order's price.

mod support;
use cift_engine::*;
use support::*;

#[test]
fn the_best_price_trades_first_then_the_oldest() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_001));
    exchange.place(sell(2, 10, 10_000));
    exchange.place(sell(3, 10, 10_000));
    let taken = exchange.place(buy(4, 25, 10_001));
    assert_eq!(
        exchange.trades(),
        [
            (10_000, 10, order(2), order(4)),
            (10_000, 10, order(3), order(4)),
            (10_001, 5, order(1), order(4))
        ]
    );
    assert_eq!(taken.status, OrderStatus::Filled);
    assert_eq!(exchange.levels(Side::Sell), [(10_001, 5, 1)]);
}

#[test]
fn the_rest_of_a_limit_order_joins_the_book() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    let rest = exchange.place(buy(2, 30, 10_005));
    assert_eq!((rest.status, rest.filled), (OrderStatus::PartiallyFilled, units(10)));
    assert_eq!(exchange.levels(Side::Buy), [(10_005, 20, 1)]);
}
