"""MarketStream: a JetStream stream and its durable consumers, kept as declared."""
