"""TradingAccount: a funded account at the exchange, with limits and credentials."""
