// The ladder of a call as numbers: who stands where, which arrow or bar is drawn at which height. Nothing here draws;
// ladder.tsx does.

import type { CDR, Message, Stream } from '../api/types';
import { host, interval } from '../format';
import { micros } from '../time';

export interface Participant {
  endpoint: string; // "ip:port" of signalling, or the bare address of a side that sends media only
  role: string; // "caller", "callee", "media" or ""
  x: number;
}

interface Line {
  from: number; // indexes into participants; equal for a message that an endpoint sends to itself
  to: number;
  y: number;
  delta: string; // time since the line above: "+0.010", "" for media
  offset: string; // time since the first message
}

export interface Arrow extends Line {
  kind: 'message';
  message: Message;
  label: string; // "INVITE", "180 Ringing"
  note: string; // "1 INVITE · SDP PCMU"
  tone: 'request' | 'provisional' | 'success' | 'redirect' | 'failure';
}

export interface Bar extends Line {
  kind: 'stream';
  stream: Stream;
  index: number; // into cdr.streams
  label: string; // "RTP PCMU"
}

export interface Pause {
  kind: 'pause';
  y: number;
  label: string; // "3:38 min"
}

export type Row = Arrow | Bar | Pause;

export interface Ladder {
  participants: Participant[];
  rows: Row[];
  gutter: number; // where the times end
  spacing: number; // between two lifelines
  width: number;
  height: number;
}

export const HEAD = 56; // room for the participants' names
const ROW = 40;
const PAUSE_ROW = 30;
const PAUSE_MS = 5000; // a silence longer than this is drawn as a gap

interface Measures {
  gutter: number; // room for times, left of everything
  margin: number; // half a participant's name, on either side
  spacing: number; // between two lifelines, at the least
}
const WIDE: Measures = { gutter: 92, margin: 90, spacing: 170 };
const NARROW: Measures = { gutter: 64, margin: 60, spacing: 150 };

export function layout(cdr: CDR, available: number): Ladder {
  const events: ({ at: number } & ({ message: Message } | { stream: Stream; index: number }))[] = [];
  for (const message of cdr.messages) events.push({ at: micros(message.t) ?? 0, message });
  cdr.streams.forEach((stream, index) => events.push({ at: micros(stream.first) ?? 0, stream, index }));
  events.sort((a, b) => a.at - b.at);

  const who = new Participants(cdr);
  const rows: Row[] = [];
  let y = HEAD + 30;
  let first = 0;
  let last = 0;
  for (const e of events) {
    const gap = last ? (e.at - last) / 1000 : 0;
    if (gap >= PAUSE_MS) {
      rows.push({ kind: 'pause', y: y - 10, label: interval(gap) });
      y += PAUSE_ROW;
    }
    first ||= e.at;
    const line = { y, delta: last ? '+' + seconds(e.at - last) : '', offset: seconds(e.at - first) };
    if ('message' in e) {
      const m = e.message;
      rows.push({ kind: 'message', message: m, from: who.of(m.src), to: who.of(m.dst), ...line, ...title(m) });
    } else {
      const [from, to] = who.ends(e.stream);
      const media = e.stream.media && e.stream.media !== 'audio' ? ` ${e.stream.media}` : '';
      rows.push({ kind: 'stream', stream: e.stream, index: e.index, from, to, ...line, label: `${e.stream.encrypted ? 'SRTP' : 'RTP'}${media} ${e.stream.codec}`.trim() });
    }
    last = e.at;
    y += ROW;
  }

  const n = who.list.length;
  const m = available < 480 ? NARROW : WIDE;
  const spacing = n < 2 ? m.spacing : Math.max(m.spacing, Math.min(560, (available - m.gutter - 2 * m.margin) / (n - 1)));
  const participants = who.list.map((p, i) => ({ ...p, x: m.gutter + m.margin + i * spacing }));
  const width = m.gutter + 2 * m.margin + Math.max(0, n - 1) * spacing;
  return { participants, rows, gutter: m.gutter, spacing, width, height: y };
}

const seconds = (us: number) => (us / 1e6).toFixed(us >= 100e6 ? 2 : 3);

// title splits a first line into what the arrow says above and below the line.
export function title(m: Message): Pick<Arrow, 'label' | 'note' | 'tone'> {
  const note = [m.cseq, m.sdp && `SDP ${m.sdp}`].filter(Boolean).join(' · ');
  const response = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(m.first_line);
  if (!response) return { label: m.first_line.split(' ', 1)[0] || '?', note, tone: 'request' };
  const code = Number(response[1]);
  const tone = code < 200 ? 'provisional' : code < 300 ? 'success' : code < 400 ? 'redirect' : 'failure';
  return { label: `${code} ${response[2]}`.trim(), note, tone };
}

// Participants collects endpoints in the order in which they appear.
class Participants {
  readonly list: Omit<Participant, 'x'>[] = [];

  constructor(private cdr: CDR) {
    if (cdr.src) this.of(cdr.src, 'caller');
    if (cdr.dst) this.of(cdr.dst, 'callee');
  }

  of(endpoint: string, role = ''): number {
    const i = this.list.findIndex((p) => p.endpoint === endpoint);
    return i >= 0 ? i : this.list.push({ endpoint, role }) - 1;
  }

  // ends finds the lifelines of a stream. Its ports are not those of signalling, so the address decides; where several
  // endpoints share the address (all on one machine), the stream's direction does.
  ends(s: Stream): [number, number] {
    const reverse = s.direction === 'from-callee';
    const from = this.media(s.src, reverse ? this.cdr.dst : this.cdr.src);
    const to = this.media(s.dst, reverse ? this.cdr.src : this.cdr.dst, from);
    return [from, to];
  }

  private media(endpoint: string, expected: string, other = -1): number {
    const address = host(endpoint);
    const there = this.list.map((p, i) => (host(p.endpoint) === address ? i : -1)).filter((i) => i >= 0);
    const wanted = there.find((i) => this.list[i]!.endpoint === expected);
    if (wanted !== undefined && wanted !== other) return wanted;
    const free = there.find((i) => i !== other);
    if (free !== undefined) return free;
    return there[0] ?? this.of(address, 'media');
  }
}
