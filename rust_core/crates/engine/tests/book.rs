//! The book alone, compared with a sorted list.

mod flow;
use cift_engine::book::{Book, Handle, Trade};
use cift_engine::Side;
use flow::Random;

/// Holds R5.1.
#[test]
fn the_book_takes_the_best_price_first_then_the_oldest() {
    let mut book = Book::new();
    book.add(Side::Sell, 101, 5, 1);
    book.add(Side::Sell, 100, 5, 2);
    book.add(Side::Sell, 100, 5, 3);
    let mut trades = Vec::new();
    let rest = book.submit(Side::Buy, 100, 12, 4, |trade| {
        trades.push((trade.owner, trade.quantity, trade.done))
    });
    assert_eq!(trades, [(2, 5, true), (3, 5, true)]);
    assert_eq!(book.left(rest.unwrap()), 2);
    assert_eq!((book.best(Side::Buy), book.best(Side::Sell)), (Some(100), Some(101)));
}

/// An order of the model: (side, price, age, owner, left, handle).
type Resting = (Side, i64, u64, u32, i64, Handle);

/// Holds R5.1.
#[test]
fn the_book_agrees_with_a_sorted_list() {
    let mut random = Random::new(5);
    let mut book = Book::new();
    let mut model: Vec<Resting> = Vec::new();
    for age in 0..60_000u64 {
        let side = random.pick(&[Side::Buy, Side::Sell]);
        // Sometimes far away, so that pages are allocated and freed.
        let far = if random.one_in(20) {
            random.below(200_000) as i64
        } else {
            0
        };
        let price = 100_000 + random.below(60) as i64 - 30 + if side == Side::Buy { -far / 4 } else { far };
        if random.below(5) < 2 && !model.is_empty() {
            let at = random.below(model.len() as u64) as usize;
            book.cancel(model.swap_remove(at).5);
            continue;
        }
        let mut left = 1 + random.below(20) as i64;
        let mut expected = Vec::new();
        while left > 0 {
            let crossing = model.iter().enumerate().filter(|(_, order)| {
                order.0 != side
                    && if side == Side::Buy {
                        order.1 <= price
                    } else {
                        order.1 >= price
                    }
            });
            let best = crossing.min_by_key(|(_, order)| (if side == Side::Buy { order.1 } else { -order.1 }, order.2));
            let Some((at, _)) = best else { break };
            let order = &mut model[at];
            let quantity = left.min(order.4);
            left -= quantity;
            order.4 -= quantity;
            let done = order.4 == 0;
            expected.push(Trade {
                owner: order.3,
                price: order.1,
                quantity,
                done,
            });
            if done {
                model.swap_remove(at);
            }
        }
        let mut trades = Vec::new();
        let rest = book.submit(
            side,
            price,
            expected.iter().map(|trade| trade.quantity).sum::<i64>() + left,
            age as u32,
            |trade| trades.push(trade),
        );
        assert_eq!(trades, expected);
        assert_eq!(rest.is_some(), left > 0);
        if let Some(handle) = rest {
            model.push((side, price, age, age as u32, left, handle));
        }
        if age % 500 == 0 {
            for side in [Side::Buy, Side::Sell] {
                let mut levels = std::collections::BTreeMap::new();
                for order in model.iter().filter(|order| order.0 == side) {
                    let level = levels
                        .entry(if side == Side::Buy { -order.1 } else { order.1 })
                        .or_insert((0, 0));
                    level.0 += order.4;
                    level.1 += 1;
                }
                let expected: Vec<_> = levels
                    .into_iter()
                    .map(|(key, level)| (key.abs(), level.0, level.1))
                    .collect();
                let found: Vec<_> = book
                    .levels(side)
                    .map(|level| (level.price, level.quantity, level.orders))
                    .collect();
                assert_eq!(found, expected);
            }
        }
    }
}

/// Holds R5.14.
#[test]
fn a_refilled_iceberg_goes_to_the_end_of_its_level() {
    let mut book = Book::new();
    book.add_iceberg(Side::Buy, 50, 10, 4, 1);
    book.add(Side::Buy, 50, 3, 2);
    let mut owners = Vec::new();
    book.take(Side::Sell, None, 9, |trade| owners.push((trade.owner, trade.quantity)));
    assert_eq!(owners, [(1, 4), (2, 3), (1, 2)]);
    assert_eq!(book.best_level(Side::Buy).unwrap().quantity, 2);
}
