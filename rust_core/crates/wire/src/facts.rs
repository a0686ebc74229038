//! The structs that a command shares with its event: feeds, fees, sessions, accounts.
use crate::command_capnp as w;
use crate::convert::*;
use cift_engine as e;

pub(crate) fn put_symbol(mut b: w::symbol_ref::Builder<'_>, symbol: e::Symbol) {
    put!(b, set_symbol_high, set_symbol_low, symbol_to(symbol));
}
pub(crate) fn get_symbol(r: w::symbol_ref::Reader<'_>) -> e::Symbol {
    symbol_from(get_id!(r, get_symbol_high, get_symbol_low))
}
pub(crate) fn put_feed(mut b: w::define_feed::Builder<'_>, feed: u32, house: e::AccountId, silence_ns: i64) {
    b.set_feed(feed);
    put!(b, set_house_high, set_house_low, house.0);
    b.set_silence_ns(silence_ns);
}
pub(crate) fn get_feed(r: w::define_feed::Reader<'_>) -> (u32, e::AccountId, i64) {
    (
        r.get_feed(),
        e::AccountId(get_id!(r, get_house_high, get_house_low)),
        r.get_silence_ns(),
    )
}
pub(crate) fn put_margin(mut b: w::set_margin::Builder<'_>, insurance: e::AccountId, percent: u32, interval_ns: i64) {
    put!(b, set_insurance_high, set_insurance_low, insurance.0);
    b.set_maintenance_percent(percent);
    b.set_interval_ns(interval_ns);
}
pub(crate) fn get_margin(r: w::set_margin::Reader<'_>) -> (e::AccountId, u32, i64) {
    (
        e::AccountId(get_id!(r, get_insurance_high, get_insurance_low)),
        r.get_maintenance_percent(),
        r.get_interval_ns(),
    )
}
pub(crate) fn put_fees(mut b: w::set_fees::Builder<'_>, maker_ppm: i32, taker_ppm: i32) {
    b.set_maker_ppm(maker_ppm);
    b.set_taker_ppm(taker_ppm);
}
pub(crate) fn put_session(mut b: w::set_session::Builder<'_>, session: u64, closes_at: Option<i64>) {
    b.set_session(session);
    put_some!(b, set_has_closes_at, set_closes_at, closes_at);
}
pub(crate) fn get_session(r: w::set_session::Reader<'_>) -> (u64, Option<i64>) {
    (r.get_session(), get_some!(r, get_has_closes_at, get_closes_at))
}
pub(crate) fn put_split(mut b: w::split::Builder<'_>, symbol: e::Symbol, numerator: u32, denominator: u32) {
    put!(b, set_symbol_high, set_symbol_low, symbol_to(symbol));
    b.set_numerator(numerator);
    b.set_denominator(denominator);
}
pub(crate) fn get_split(r: w::split::Reader<'_>) -> (e::Symbol, u32, u32) {
    (
        symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
        r.get_numerator(),
        r.get_denominator(),
    )
}
pub(crate) fn put_open(
    mut b: w::open_account::Builder<'_>,
    account: e::AccountId,
    kind: e::AccountKind,
    role: e::AccountRole,
    currency: e::Currency,
) {
    put!(b, set_account_high, set_account_low, account.0);
    b.set_kind(account_kind_to(kind));
    b.set_role(role_to(role));
    b.set_currency(currency_to(currency));
}
pub(crate) type OpenFacts = (e::AccountId, e::AccountKind, e::AccountRole, e::Currency);
pub(crate) fn get_open(r: w::open_account::Reader<'_>) -> Result<OpenFacts, crate::WireError> {
    Ok((
        e::AccountId(get_id!(r, get_account_high, get_account_low)),
        account_kind_from(r.get_kind()?),
        role_from(r.get_role()?),
        currency_from(r.get_currency()),
    ))
}
pub(crate) fn put_account_limits(mut b: w::set_limits::Builder<'_>, account: e::AccountId, limits: &e::Limits) {
    put!(b, set_account_high, set_account_low, account.0);
    put_limits(b.init_limits(), limits);
}
pub(crate) fn get_account_limits(r: w::set_limits::Reader<'_>) -> Result<(e::AccountId, e::Limits), crate::WireError> {
    let limits = get_limits(r.get_limits()?);
    Ok((e::AccountId(get_id!(r, get_account_high, get_account_low)), limits))
}
pub(crate) fn put_state(mut b: w::set_account_state::Builder<'_>, account: e::AccountId, state: e::AccountState) {
    put!(b, set_account_high, set_account_low, account.0);
    b.set_state(state_to(state));
}
pub(crate) fn get_state(
    r: w::set_account_state::Reader<'_>,
) -> Result<(e::AccountId, e::AccountState), crate::WireError> {
    Ok((
        e::AccountId(get_id!(r, get_account_high, get_account_low)),
        state_from(r.get_state()?),
    ))
}
