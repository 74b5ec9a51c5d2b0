"""What befalls a circle, at random but repeatably, and what it owes its owners all the same."""
