"""What operators meet: retries, alerts, staleness, health, briefings, catalogue facts."""
