// Looks again by itself: when the device says that it is connected, and every few seconds, for Nod may be what was away.
"use strict";

const again = async () => {
  const there = await fetch("/healthz", { cache: "no-store" }).then((answer) => answer.ok, () => false);
  if (there) location.replace("/");
};

addEventListener("online", again);
setInterval(again, 3000);
