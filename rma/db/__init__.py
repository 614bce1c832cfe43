"""Tables, sessions and queries; every SELECT takes the store."""
