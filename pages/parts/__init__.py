"""What the pages are made of. Nothing here trains, measures or decides: that is siamese_core's work."""
