import { describe, expect, it } from "vitest";
import { EventDecoder, type ServerEvent } from "./sse";

function decode(text: string, size: number): ServerEvent[] {
  const bytes = new TextEncoder().encode(text);
  const decoder = new EventDecoder();
  const events: ServerEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    events.push(...decoder.push(bytes.slice(at, at + size)));
  }
  return events;
}

const TEXT = [
  ": a comment",
  "",
  "event: status",
  'data: {"area":"Ñuñoa 😀"}',
  "",
  "data: one",
  "data:two",
  "data",
  "id: 5",
  "retry: 100",
  "",
  "event: nothing",
  "",
  "event: status",
  "data: unfinished",
].join("\n");

const EVENTS = [
  { name: "status", data: '{"area":"Ñuñoa 😀"}' },
  { name: "message", data: "one\ntwo\n" },
];

describe("EventDecoder", () => {
  it.each([1, 2, 3, 7, 1000])("reads a stream in pieces of %d bytes", (size) => {
    expect(decode(TEXT, size)).toEqual(EVENTS);
  });

  it.each([1, 2, 1000])("takes CRLF and CR as ends of lines, in pieces of %d bytes", (size) => {
    expect(decode(TEXT.replaceAll("\n", "\r\n"), size)).toEqual(EVENTS);
    expect(decode(TEXT.replaceAll("\n", "\r"), size)).toEqual(EVENTS);
  });
});
