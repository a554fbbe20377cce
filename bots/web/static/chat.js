// The chat page, better than without a script: posts without leaving the page, shows news as they come. Every feature here has a plain
// HTML way beside it. Lines come from the server as finished HTML (escaped there); this file only puts them in their place.
"use strict";

const page = document.body.dataset;
const log = document.querySelector(".log");
const scroller = document.querySelector("main");
const composer = document.querySelector(".composer");
const field = document.querySelector("#message");
const menu = document.querySelector("#menu");
const live = document.querySelector(".live");
const latest = document.querySelector(".latest");
const earlier = document.querySelector(".earlier");
const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
const NEAR = 120;

let last = page.last;

const once = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const nearEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; };
const parse = (html) => { const box = document.createElement("template"); box.innerHTML = html; return box.content.firstElementChild; };

// --- Lines -----------------------------------------------------------------------------------------------------------------------

function put(line, fromEarlier = false) {
  const old = document.getElementById(line.id);
  if (line.message > last) last = line.message;
  if (old && old.dataset.message >= line.message) return null;
  const fresh = parse(line.html);
  fresh.querySelectorAll("[autofocus]").forEach((element) => element.removeAttribute("autofocus"));
  if (old) {
    const held = old.contains(document.activeElement) ? document.activeElement : null;
    old.replaceWith(fresh);
    if (held) refocus(fresh, held);
    return fresh;
  }
  const first = log.querySelector(":scope > .line[data-key]");
  if (!old && !fromEarlier && !earlier.hidden && first && line.key < first.dataset.key) return null; // It stands on an earlier page, which comes whole.
  log.querySelector(".empty")?.remove();
  fresh.classList.add("new");
  const after = [...log.querySelectorAll(":scope > .line[data-key]")].find((other) => other.dataset.key > line.key);
  log.insertBefore(fresh, after ?? log.querySelector(".pending"));
  return fresh;
}

function refocus(fresh, held) {
  const wrong = fresh.querySelector("[aria-invalid]");
  const same = [...fresh.querySelectorAll("button")].find((button) => button.textContent === held.textContent);
  const target = wrong ?? same ?? fresh.querySelector("button, input:not([type=hidden]), select, textarea") ?? fresh;
  if (target === fresh) fresh.tabIndex = -1;
  target.focus({ preventScroll: true });
}

// `mine`: it came of what this person just did, so it comes into sight; else only where they were at the end anyway.
function show(lines, mine) {
  const stay = mine || nearEnd();
  const fresh = lines.map((line) => put(line)).filter(Boolean);
  if (!fresh.length) return;
  if (!stay) { latest.hidden = fresh.every((element) => !element.classList.contains("new")); return; }
  const end = fresh.at(-1), box = end.getBoundingClientRect(), view = scroller.getBoundingClientRect();
  if (box.height > view.height - 40) end.scrollIntoView({ block: "start" });
  else if (end.classList.contains("new")) toEnd();
  else if (box.top < view.top || box.bottom > view.bottom) end.scrollIntoView({ block: "nearest" });
}

latest.addEventListener("click", () => { toEnd(); latest.hidden = true; field.focus(); });
scroller.addEventListener("scroll", () => { if (nearEnd()) latest.hidden = true; }, { passive: true });

async function showEarlier() {
  const button = earlier.querySelector("button");
  if (earlier.hidden || earlier.dataset.busy) return;
  earlier.dataset.busy = "1";
  try {
    const response = await fetch(`/chat/lines?chat=${page.chat}&before=${encodeURIComponent(button.value)}`);
    if (!response.ok) throw new Error(response.status);
    const { lines, earlier: before } = await response.json();
    log.setAttribute("aria-busy", "true");
    const height = scroller.scrollHeight, top = scroller.scrollTop;
    lines.forEach((line) => put(line, true)?.classList.remove("new"));
    scroller.scrollTop = top + scroller.scrollHeight - height;
    log.removeAttribute("aria-busy");
    earlier.hidden = !before;
    button.value = before ?? "";
  } catch { toast(page.failed, true); } finally { delete earlier.dataset.busy; }
}

earlier.addEventListener("submit", (event) => { event.preventDefault(); showEarlier(); });
new IntersectionObserver((seen) => { if (seen[0].isIntersecting && scroller.scrollTop < 80 && scroller.scrollHeight > scroller.clientHeight) showEarlier(); }, { root: scroller }).observe(earlier);

// --- Toasts ----------------------------------------------------------------------------------------------------------------------

function toast(text, urgent, way) {
  const note = document.createElement("p");
  note.className = "toast";
  note.append(text);
  if (way) {
    const link = document.createElement("a");
    link.className = "button";
    link.href = way.href;
    link.textContent = way.text;
    note.append(link);
  }
  if (urgent) {
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = page.close;
    close.addEventListener("click", () => { note.remove(); field.focus(); });
    note.append(close);
  }
  const place = document.querySelector(urgent ? ".toasts .urgent" : ".toasts .polite");
  while (place.children.length > 1) place.firstElementChild.remove();
  place.append(note);
  const leave = () => setTimeout(() => (note.matches(":hover, :focus-within") ? leave() : note.remove()), urgent ? 30000 : 6000);
  leave();
}

// --- Posting ---------------------------------------------------------------------------------------------------------------------

async function post(url, data) {
  data.append("once", once());
  data.append("timezone", timezone);
  const send = () => fetch(url, { method: "POST", body: data, headers: { Accept: "application/json", "Nod-Chat": page.chat } });
  const response = await send().catch(() => new Promise((retry) => setTimeout(retry, 500)).then(send));
  if (response.status === 401) { over(); throw new Error("over"); }
  if (!response.ok) throw new Error(response.status);
  return response.json();
}

function answer(result) {
  if (result.toast) toast(result.toast, result.alert);
  show(result.lines, true);
}

function busy(form, button, on) {
  if (on) form.dataset.busy = "1"; else delete form.dataset.busy;
  for (const other of form.querySelectorAll("button")) {
    if (on) other.setAttribute("aria-disabled", "true"); else other.removeAttribute("aria-disabled");
  }
  if (on) button?.setAttribute("aria-busy", "true"); else button?.removeAttribute("aria-busy");
}

let inOrder = Promise.resolve(); // Words that are written on while others are sent go one after the other.

document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (!form.dataset.post || button?.hasAttribute("data-page")) return;
  event.preventDefault();
  if (form !== composer && form.dataset.busy) return;
  const data = new FormData(form, button);
  const words = form === composer ? field.value : "";
  if (form === composer) {
    data.delete("file");
    if (!words.trim()) { field.focus(); return; }
    field.value = "";
    grow();
  }
  if (menu.contains(form)) { menu.hidePopover?.(); field.focus(); }
  const turn = form === composer ? inOrder : Promise.resolve();
  const sent = turn.catch(() => {}).then(() => post(form.getAttribute("action"), data));
  if (form === composer) inOrder = sent; else busy(form, button, true);
  try {
    answer(await sent);
  } catch (problem) {
    if (form === composer && !field.value) { field.value = words; grow(); }
    if (problem.message !== "over") toast(page.failed, true);
  } finally { if (form !== composer) busy(form, button, false); }
});

// --- The composer ----------------------------------------------------------------------------------------------------------------

function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

field.addEventListener("input", grow);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); composer.requestSubmit(); }
});

menu.addEventListener("toggle", (event) => { if (event.newState === "open") menu.querySelector("button").focus(); });
menu.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...menu.querySelectorAll("button")];
  all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
});

// --- Files -----------------------------------------------------------------------------------------------------------------------

function upload(file) {
  if (file.size > Number(page.limit)) { toast(page.large, true); return; }
  const note = parse('<article class="line in pending"><div class="bubble"><p class="file"><span></span></p><progress max="1"></progress></div></article>');
  note.querySelector("span").textContent = `${page.sending} ${file.name}`;
  log.querySelector(".empty")?.remove();
  log.append(note);
  toEnd();
  const data = new FormData();
  data.append("file", file);
  data.append("once", once());
  data.append("timezone", timezone);
  const request = new XMLHttpRequest();
  request.open("POST", "/chat/say");
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Nod-Chat", page.chat);
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) note.querySelector("progress").value = event.loaded / event.total; });
  request.addEventListener("loadend", () => {
    note.remove();
    if (request.status === 200) answer(request.response);
    else if (request.status === 401) over();
    else toast(request.status === 413 ? page.large : page.failed, true);
  });
  request.send(data);
}

const picker = composer.querySelector("input[type=file]");
picker.addEventListener("change", () => { [...picker.files].forEach(upload); picker.value = ""; });
field.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); [...event.clipboardData.files].forEach(upload); } });
scroller.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
scroller.addEventListener("drop", (event) => { if (event.dataTransfer.files.length) { event.preventDefault(); [...event.dataTransfer.files].forEach(upload); } });

// --- News ------------------------------------------------------------------------------------------------------------------------

let stream = null, resting = null, signedOut = false;

function state(name, words) { if (live.dataset.state !== name) { live.dataset.state = name; live.querySelector(".state").textContent = words; } }

async function over() {
  if (signedOut) return;
  signedOut = true;
  rest();
  state("lost", page.out);
  // Signed in anew in another tab, or as somebody else: this page shows the chat of before.
  if (await fetch("/chat/lines").then((answer) => answer.ok, () => false)) { location.reload(); return; }
  toast(page.over, true, { text: page.in, href: "/sign-in" });
}

// Browsers allow a host six connections in all: only pages that are seen hold one.
function rest() { stream?.close(); stream = null; }

function listen() {
  if (signedOut || stream || document.hidden) return;
  stream = new EventSource(`${page.stream}?chat=${page.chat}&after=${encodeURIComponent(last)}`);
  stream.addEventListener("hello", () => state("live", page.live));
  stream.addEventListener("line", (event) => show([JSON.parse(event.data)], false));
  stream.addEventListener("over", over);
  stream.addEventListener("error", () => {
    state("lost", page.lost);
    if (stream?.readyState !== EventSource.CLOSED) return;
    stream = null;
    setTimeout(async () => {
      const check = await fetch(`/chat/lines?chat=${page.chat}`).catch(() => null);
      if (check?.status === 401) over(); else listen();
    }, 2000);
  });
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(rest, 5000);
  else listen();
});
addEventListener("offline", () => { rest(); state("lost", page.offline); });
addEventListener("online", () => { state("waiting", page.waiting); listen(); });
addEventListener("pageshow", (event) => { if (event.persisted) { rest(); listen(); } });
addEventListener("pagehide", rest);

// --- Countdowns ------------------------------------------------------------------------------------------------------------------

// How far this clock is from the server's; below two seconds it is only the time that the page took.
const apart = Date.parse(page.now) - Date.now();
const skew = Math.abs(apart) < 2000 ? 0 : apart;
setInterval(() => {
  for (const timer of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, Math.ceil((Date.parse(timer.dataset.until) - Date.now() - skew) / 1000));
    const words = timer.dataset.text.replace("{seconds}", left);
    const place = timer.querySelector("span");
    if (place.textContent !== words) place.textContent = words;
    if (!left) delete timer.dataset.until;
  }
}, 250);

navigator.serviceWorker?.register("/sw.js").catch(() => {}); // Only what is shown without a connection hangs on it.
state("waiting", page.waiting);
toEnd();
listen();
document.querySelector("[aria-invalid]")?.focus();
if (!log.querySelector("[aria-invalid]") && matchMedia("(pointer: fine)").matches) field.focus({ preventScroll: true });
