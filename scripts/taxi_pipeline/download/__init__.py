"""Trip files from their publishers: which months, from where, resumed where they broke off."""
