//! Figures from trades, quotes and books.
pub mod depth;
pub mod indicators;
pub mod order_flow;
pub mod prices;
pub mod spreads;
pub mod stream;
