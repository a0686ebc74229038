"""MarketStream: a JetStream stream and its durable consumers, kept as the resource declares them."""
