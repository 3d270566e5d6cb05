"""How fast Slugline answers, as ratios to what the same server software can do at most."""
