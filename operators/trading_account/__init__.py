"""TradingAccount: an account at the exchange, funded, with limits and credentials."""
