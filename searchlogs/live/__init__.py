"""Events that happen now: clocks, a log played as such, limits on the future, Kafka topics."""
