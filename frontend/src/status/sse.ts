/* sse.ts - decoding of text/event-stream (the WHATWG rules), fed piece by piece. */

export interface ServerEvent {
  name: string;
  data: string;
}

export class EventDecoder {
  private readonly text = new TextDecoder();
  private rest = ""; // an unfinished line
  private name = "";
  private data: string[] = [];

  /* The events that are complete with these bytes. */
  push(bytes: Uint8Array): ServerEvent[] {
    const events: ServerEvent[] = [];
    this.rest += this.text.decode(bytes, { stream: true });
    // A CR at the very end may be the first half of a CRLF.
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.line(line);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | undefined {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.name = value;
    else if (field === "data") this.data.push(value);
    return undefined;
  }

  private dispatch(): ServerEvent | undefined {
    const event = { name: this.name === "" ? "message" : this.name, data: this.data.join("\n") };
    const empty = this.data.length === 0;
    this.name = "";
    this.data = [];
    return empty ? undefined : event;
  }
}
