// An app written with @slack/bolt, whose answers the test beside this folder looks at from Slack's side.
// node app.mjs FOLDER_WITH_NODE_MODULES API_URL BOT_TOKEN APP_TOKEN SIGNING_SECRET sockets|http
// It prints a line once it is up (its port in HTTP mode) and ends when its input does.

import { createRequire } from "node:module";

const [folder, slackApiUrl, token, appToken, signingSecret, mode] = process.argv.slice(2);
const { App, Assistant, LogLevel } = createRequire(`${folder}/package.json`)("@slack/bolt");
const clientOptions = { slackApiUrl, retryConfig: { retries: 0 } };
const logLevel = LogLevel.ERROR;
const app =
  mode === "sockets"
    ? new App({ token, appToken, socketMode: true, clientOptions, logLevel })
    : new App({ token, signingSecret, clientOptions, logLevel });

const text = (value) => ({ type: "plain_text", text: value });
const section = (value) => ({ type: "section", text: { type: "mrkdwn", text: value } });
const button = (value) => ({ type: "button", text: text(value), action_id: value.toLowerCase(), value: "7.1" });
const form = {
  type: "modal",
  callback_id: "edit",
  title: text("Edit"),
  submit: text("Save"),
  blocks: [
    {
      type: "input",
      block_id: "subject",
      label: text("Subject"),
      element: { type: "plain_text_input", action_id: "text" },
    },
  ],
};

app.message("hi", async ({ say }) => {
  await say({ text: "A card", blocks: [section("Reply to Ann"), { type: "actions", elements: [button("Approve"), button("Edit")] }] });
});
app.action("approve", async ({ ack, body, client, respond }) => {
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: "Approved", blocks: [section("Approved")] });
  await respond({ text: "Sending in 8 s", replace_original: false });
});
app.action("edit", async ({ ack, body, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view: form });
});
app.view("edit", async ({ ack, body, view, client }) => {
  const subject = view.state.values.subject.text.value;
  if (subject === "bad") {
    await ack({ response_action: "errors", errors: { subject: "Say it better" } });
    return;
  }
  await ack();
  await client.chat.postMessage({ channel: body.user.id, text: `Saved ${subject}` });
});
app.command("/nod", async ({ ack, command }) => {
  await ack(`You said ${command.text}`);
});
app.event("app_home_opened", async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: "home", blocks: [section("Pending")] } });
});
app.shortcut("ask_agent", async ({ ack, shortcut, respond }) => {
  await ack();
  await respond(`About: ${shortcut.message.text}`);
});
app.message("refuse", async ({ say, client, message }) => {
  const errors = [];
  for (const call of [
    () => client.chat.postMessage({ channel: "C0", text: "x" }),
    () => client.chat.postMessage({ channel: message.channel, text: "x", blocks: [section("x".repeat(3001))] }),
    () => client.views.open({ trigger_id: "1.2.x", view: form }),
  ]) {
    try {
      await call();
    } catch (error) {
      errors.push(error.data.error);
    }
  }
  await say(errors.join(" "));
});
app.message("picture", async ({ client, message }) => {
  const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  const { files } = await client.filesUploadV2({ filename: "chart.png", file: png });
  const file = files[0].files[0];
  await client.chat.postMessage({ channel: message.channel, text: "A chart", blocks: [{ type: "image", alt_text: "A chart", slack_file: { id: file.id } }] });
  await client.filesUploadV2({ channel_id: message.channel, filename: "pack.yaml", content: "kind: pack" });
});
app.message("steps", async ({ client, message }) => {
  const where = { channel: message.channel };
  const task = (status) => ({ type: "task_update", id: "a", title: "Read", status });
  const chunks = [{ type: "plan_update", title: "Run" }, task("in_progress")];
  const { ts } = await client.chat.startStream({ ...where, thread_ts: message.ts, chunks, task_display_mode: "plan" });
  await client.chat.appendStream({ ...where, ts, chunks: [task("complete")] });
  await client.chat.stopStream({ ...where, ts });
});
app.event("channel_rename", async ({ event, client }) => {
  await client.chat.postMessage({ channel: event.channel.id, text: `Now ${event.channel.name}` });
});
app.assistant(
  new Assistant({
    threadStarted: async ({ say, setSuggestedPrompts }) => {
      await say("What can I do?");
      await setSuggestedPrompts({ prompts: [{ title: "My inbox", message: "Show my inbox" }] });
    },
    userMessage: async ({ say, setStatus, setTitle, message }) => {
      await setTitle("Inbox");
      await setStatus("is thinking…");
      await say(`Three cards for ${message.text}`);
    },
  }),
);
app.error(async (error) => {
  console.error(error);
  process.exitCode = 1;
});

const server = await (mode === "sockets" ? app.start() : app.start({ port: 0, host: "127.0.0.1" }));
console.log(mode === "sockets" ? "up" : server.address().port);
process.stdin.resume();
process.stdin.on("end", async () => {
  await app.stop();
  process.exit();
});
