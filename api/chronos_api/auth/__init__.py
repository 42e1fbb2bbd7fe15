"""Who calls: for now whoever holds the API key that the chart made."""
