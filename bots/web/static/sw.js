// Keeps one page for the time without a connection, and what it is drawn with. Nothing of anybody's is ever kept: every page, post and
// stream goes to the network, as if this were not here.
"use strict";

const SHELL = "nod-VERSION";
const KEPT = ["/offline", "/static/chat.css?VERSION", "/static/offline.js?VERSION", "/static/logo.svg"];

self.addEventListener("install", (event) => {
  const anew = KEPT.map((url) => new Request(url, { cache: "reload", credentials: "omit" }));
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(anew)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event, { pathname, search } = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => caches.match("/offline")));
  else if (KEPT.includes(pathname + search) || pathname === "/static/logo.svg") event.respondWith(fetch(request).catch(() => caches.match(pathname + search)));
});
