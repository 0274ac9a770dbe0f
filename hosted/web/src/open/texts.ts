// Messages as they were on the wire, beside those of a record, which are summaries.

import type { Message } from '../api/types';

export interface Text {
  t: string;
  src: string;
  dst: string;
  transport: string;
  text: string;
}

// whole finds a record's message among the texts: by its time and its way, and by its first line where several came at once.
export function whole(m: Message, texts: Text[]): Text | null {
  const same = texts.filter((t) => t.t === m.t && t.src === m.src && t.dst === m.dst);
  return same.find((t) => t.text.startsWith(m.first_line)) ?? same[0] ?? null;
}

// asGiven has the names of captures as the user gave them, not as the engine has them.
export const asGiven = (text: string) => text.replace(/\/capture\/\d+\//g, '');

export interface Line {
  kind: 'start' | 'header' | 'body';
  name: string; // of a header, with its colon
  rest: string;
}

// lines takes a message apart for the eye: start line, headers, body.
export function lines(text: string): Line[] {
  let body = false;
  return text.replace(/(?:\r?\n)+$/, '').split(/\r?\n/).map((line, i): Line => {
    if (i === 0) return { kind: 'start', name: '', rest: line };
    if (line === '') body = true;
    const name = body ? '' : (/^[^\s:]+\s*:/.exec(line)?.[0] ?? '');
    return { kind: body ? 'body' : 'header', name, rest: line.slice(name.length) };
  });
}
