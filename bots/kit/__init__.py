"""What all doors share: screens, buttons, forms, callback tokens, words, and the hop from an async door to the sync core."""
