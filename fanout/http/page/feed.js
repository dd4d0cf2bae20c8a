// Where the page gets the status from: the stream, and where that is refused, a question every few seconds.

const SILENT_S = 8; // the stream tells something every two seconds
const ASK_EVERY_S = 5;
const STREAM_AGAIN_S = 30;

// `show` gets each status; `silent` gets since when there is no answer, or null when there is one again.
export function follow(show, silent) {
  let heardAt = Date.now();
  let lost = false;
  let source = null;
  let askedAt = 0;
  let refusedAt = 0;

  function hear(status) {
    heardAt = Date.now();
    if (lost) silent(null);
    lost = false;
    show(status);
  }

  function listen() {
    const mine = new EventSource("events");
    source = mine;
    mine.onmessage = (message) => hear(JSON.parse(message.data));
    mine.onerror = () => {
      // Refused, as by a replica that has enough listeners; what is only interrupted the browser tries again.
      if (mine.readyState === EventSource.CLOSED) drop();
    };
  }

  function drop() {
    source?.close();
    source = null;
    refusedAt = Date.now();
    askedAt = 0;
  }

  async function ask() {
    askedAt = Date.now();
    try {
      const answer = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(ASK_EVERY_S * 1000) });
      if (answer.ok) hear(await answer.json());
    } catch (error) {
      // Said by the page, which tells for how long there is no answer.
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
    }
  }

  function look() {
    const now = Date.now();
    if (now - heardAt > SILENT_S * 1000) {
      lost = true;
      silent(heardAt);
      // One that is open and says nothing may be a connection that only this side believes in.
      if (source?.readyState === EventSource.OPEN) drop();
    }
    if (source === null && now - refusedAt > STREAM_AGAIN_S * 1000) listen();
    if (source?.readyState !== EventSource.OPEN && now - askedAt > ASK_EVERY_S * 1000) ask();
  }

  listen();
  askedAt = Date.now();
  setInterval(look, 1000);
}
