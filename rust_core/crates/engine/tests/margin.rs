//! Maintenance margin: an account below its requirement is liquidated.

mod support;
use cift_engine::*;
use support::*;

const INSURANCE: AccountId = AccountId(700);
/// Takes the other side of what is liquidated.
const RICH: AccountId = AccountId(800);

fn set_margin(insurance: AccountId, maintenance_percent: u32, interval_ns: i64) -> Command {
    Command::SetMargin {
        insurance,
        maintenance_percent,
        interval_ns,
    }
}

/// Carol bought 2,000 at 100.00 with 100,000 of her own: her equity must not fall below a quarter of the value.
fn leveraged() -> Exchange {
    let mut exchange = Exchange::new();
    exchange.open(INSURANCE, AccountKind::Margin, AccountRole::House);
    exchange.apply_ok(set_margin(INSURANCE, 50, SECOND));
    exchange.open(HOUSE_ACCOUNT, AccountKind::Margin, AccountRole::House);
    exchange.apply_ok(Command::DefineFeed {
        feed: 1,
        house: HOUSE_ACCOUNT,
        silence_ns: 86_400 * SECOND,
    });
    exchange.trade_at(10_000);
    exchange.place(by(RICH, sell(1, 2_000, 10_000)));
    exchange.place(by(CAROL, buy(2, 2_000, 10_000)));
    exchange
}

/// A print of the outside market sets the mark, however far it is.
fn print(exchange: &mut Exchange, price: i64) {
    let sequence = exchange.sequence;
    exchange.outside_print(sequence, price, 1);
}

/// Lets a check become due.
fn check(exchange: &mut Exchange) {
    exchange.now += SECOND;
    exchange.apply_ok(Command::AdvanceTime);
}

fn called(exchange: &Exchange) -> Vec<(AccountId, Money, Money)> {
    exchange
        .events
        .iter()
        .filter_map(|event| match *event {
            Event::MarginCalled {
                account,
                equity,
                requirement,
            } => Some((account, equity, requirement)),
            _ => None,
        })
        .collect()
}

/// Holds R13.1, R13.2.
#[test]
fn the_terms_name_a_house_account() {
    let mut exchange = Exchange::new();
    assert_eq!(
        exchange.apply_err(set_margin(ALICE, 50, SECOND)),
        Refusal::UnknownAccount
    );
    exchange.open(INSURANCE, AccountKind::Margin, AccountRole::House);
    for (percent, interval) in [(101, SECOND), (50, 999_999), (50, i64::MAX)] {
        let refused = exchange.apply_err(set_margin(INSURANCE, percent, interval));
        assert_eq!(refused, Refusal::AmountOutOfRange);
    }
    exchange.apply_ok(set_margin(INSURANCE, 50, SECOND));
}

/// Holds R13.4.
#[test]
fn the_requirement_is_a_part_of_the_initial_one() {
    let exchange = leveraged();
    assert_eq!(exchange.view(CAROL).gross, dollars(200_000));
    assert_eq!(exchange.view(CAROL).maintenance, dollars(50_000));
    assert_eq!(exchange.view(ALICE).maintenance, 0, "a cash account owes nothing");
}

/// Holds R13.3, R13.4.
#[test]
fn an_account_at_its_requirement_is_left_alone() {
    let mut exchange = leveraged();
    print(&mut exchange, 6_667); // equity 33,340 of 133,340: just above a quarter
    check(&mut exchange);
    assert_eq!(called(&exchange), []);
    let next = exchange.engine.next_deadline().unwrap();
    assert!(next > exchange.now + SECOND, "no print, no check");
}

/// Holds R13.5, R13.6.
#[test]
fn an_account_below_it_is_reduced_through_the_book() {
    let mut exchange = leveraged();
    exchange.place(by(CAROL, sell(3, 10, 12_000)));
    print(&mut exchange, 6_600);
    exchange.place(by(RICH, buy(4, 2_000, 6_500)));
    check(&mut exchange);
    assert_eq!(called(&exchange), [(CAROL, dollars(32_000), dollars(33_000))]);
    assert_eq!(exchange.closed(), [(order(3), CloseReason::Liquidation)]);
    let trades = exchange.trades();
    assert_eq!((trades.len(), trades[0].0, trades[0].1), (1, 6_500, 2_000));
    assert_eq!(exchange.position(CAROL), 0);
    assert_eq!(exchange.view(CAROL).cash, dollars(30_000));
    assert_eq!(exchange.view(INSURANCE).cash, 0);
}

/// Holds R13.6, R13.7.
#[test]
fn the_insurance_account_takes_over_what_the_collar_leaves() {
    let mut exchange = leveraged();
    print(&mut exchange, 5_600);
    exchange.place(by(RICH, buy(4, 500, 5_550)));
    exchange.place(by(RICH, buy(5, 2_000, 5_000))); // beyond the collar of 5 %
    check(&mut exchange);
    assert_eq!(
        exchange.closed().last().map(|closed| closed.1),
        Some(CloseReason::Collar)
    );
    assert_eq!(exchange.position(CAROL), 0);
    assert_eq!(exchange.position(INSURANCE), 1_500);
    // At the mark, which is the last trade of the liquidation.
    assert_eq!(exchange.view(INSURANCE).cash, -dollars(83_250));
    assert_eq!(exchange.view(CAROL).cash, dollars(11_000));
}

/// Holds R13.8.
#[test]
fn the_insurance_account_pays_a_deficit() {
    let mut exchange = leveraged();
    print(&mut exchange, 4_000); // equity −20,000
    check(&mut exchange);
    assert_eq!(exchange.view(CAROL).cash, 0);
    assert_eq!(exchange.view(CAROL).equity, 0);
    assert_eq!(exchange.position(INSURANCE), 2_000);
    assert_eq!(exchange.view(INSURANCE).equity, -dollars(20_000));
}

/// Holds R13.5, R13.7.
#[test]
fn liquidation_stops_when_the_requirement_is_met() {
    let mut exchange = leveraged();
    exchange.define("ABC");
    let abc = |order: PlaceOrder| PlaceOrder {
        symbol: symbol("ABC"),
        ..order
    };
    exchange.place(by(RICH, abc(sell(3, 100, 10_000))));
    print(&mut exchange, 10_200); // makes buying power
    exchange.place(by(CAROL, abc(buy(4, 30, 10_000))));
    print(&mut exchange, 6_680);
    check(&mut exchange);
    // The position in XYZ goes first. Then the requirement is met.
    assert_eq!(called(&exchange).len(), 1);
    assert_eq!(exchange.position(CAROL), 0);
    let mut positions = Vec::new();
    exchange.engine.positions(CAROL, &mut positions);
    assert_eq!(positions.len(), 1);
    assert_eq!((positions[0].symbol, positions[0].quantity), (symbol("ABC"), units(30)));
}

/// Holds R13.3, R13.9.
#[test]
fn a_halt_delays_the_liquidation() {
    let mut exchange = leveraged();
    print(&mut exchange, 6_000);
    exchange.apply_ok(Command::Halt { symbol: symbol("XYZ") });
    check(&mut exchange);
    assert_eq!(called(&exchange).len(), 1);
    assert_eq!(exchange.position(CAROL), 2_000);
    exchange.apply_ok(Command::Resume { symbol: symbol("XYZ") });
    check(&mut exchange);
    assert_eq!(exchange.position(CAROL), 0);
}

/// Holds R13.3, R8.5.
#[test]
fn a_closed_market_checks_nothing_until_the_next_session() {
    let mut exchange = leveraged();
    exchange.apply_ok(Command::SetSession {
        session: 1,
        closes_at: Some(exchange.now + SECOND / 2),
    });
    print(&mut exchange, 6_000);
    check(&mut exchange);
    assert_eq!((called(&exchange).len(), exchange.position(CAROL)), (0, 2_000));
    exchange.apply_ok(Command::SetSession {
        session: 2,
        closes_at: None,
    });
    check(&mut exchange);
    assert_eq!(exchange.position(CAROL), 0);
}

/// Holds R13.4.
#[test]
fn a_maintenance_of_0_percent_liquidates_nothing() {
    let mut exchange = leveraged();
    exchange.apply_ok(set_margin(INSURANCE, 0, SECOND));
    print(&mut exchange, 4_000);
    check(&mut exchange);
    assert_eq!(exchange.position(CAROL), 2_000);
}

/// Holds R13.10.
#[test]
fn a_stop_that_the_liquidation_triggers_matches_after_it() {
    let mut exchange = leveraged();
    exchange.place(by(RICH, sell(10, 10, 10_000)));
    exchange.place(by(BOB, buy(11, 10, 10_000)));
    print(&mut exchange, 6_600);
    exchange.place(by(RICH, buy(4, 2_010, 6_500)));
    exchange.place(by(BOB, stop(5, Side::Sell, 10, 6_550)));
    check(&mut exchange);
    let makers: Vec<_> = exchange.trades().iter().map(|trade| (trade.1, trade.3)).collect();
    assert_eq!(makers.len(), 2);
    assert_eq!((makers[0].0, makers[1]), (2_000, (10, order(5))));
}
