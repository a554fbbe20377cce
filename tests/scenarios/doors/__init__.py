"""What a person meets, told once and shown through every door: the web page by HTTP, Telegram and Slack by their emulators."""
