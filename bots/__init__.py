"""Every door for people and programs: web chat, Telegram, REST, terminal. Doors translate; they never decide."""
