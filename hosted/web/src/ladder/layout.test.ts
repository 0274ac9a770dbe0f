import { describe, expect, test } from 'vitest';
import type { CDR, Message, Stream } from '../api/types';
import { makeCall } from '../dev/data';
import { layout, title, type Arrow, type Bar } from './layout';

const time = (s: number) => `2026-11-22T10:${String(Math.floor(s / 60)).padStart(2, '0')}:${(s % 60).toFixed(6).padStart(9, '0')}Z`;

const message = (s: number, src: string, dst: string, first_line: string, over: Partial<Message> = {}): Message => ({ t: time(s), src, dst, first_line, cseq: '1 INVITE', retransmission: false, sdp: '', ...over });
const stream = (s: number, src: string, dst: string, direction: Stream['direction']): Stream => ({ ...makeCall(1, 1e15).streams[0]!, first: time(s), src, dst, direction, media: 'audio' });

const A = '10.0.0.11:5060';
const B = '10.0.0.5:5060';
const C = '198.51.100.9:5060';
const cdr = (over: Partial<CDR>): CDR => ({ ...makeCall(1, 1e15), src: A, dst: B, messages: [], streams: [], ...over });

const arrows = (l: ReturnType<typeof layout>) => l.rows.filter((r): r is Arrow => r.kind === 'message');
const bars = (l: ReturnType<typeof layout>) => l.rows.filter((r): r is Bar => r.kind === 'stream');

describe('participants', () => {
  test('stand in the order in which they appear, the first INVITE’s ends first', () => {
    const l = layout(cdr({ messages: [message(0, A, B, 'INVITE sip:1 SIP/2.0'), message(0.01, B, C, 'INVITE sip:1 SIP/2.0')] }), 800);
    expect(l.participants.map((p) => [p.endpoint, p.role])).toEqual([[A, 'caller'], [B, 'callee'], [C, '']]);
    expect(arrows(l).map((r) => [r.from, r.to])).toEqual([[0, 1], [1, 2]]);
  });
  test('keep apart and inside the drawing, however narrow the window', () => {
    for (const width of [200, 360, 800, 3000]) {
      const l = layout(cdr({ messages: [message(0, A, B, 'INVITE x SIP/2.0'), message(1, B, C, 'INVITE x SIP/2.0')] }), width);
      const x = l.participants.map((p) => p.x);
      expect(x[1]! - x[0]!).toBeGreaterThanOrEqual(150);
      expect(x[0]!).toBeGreaterThan(l.gutter);
      expect(x[2]!).toBeLessThan(l.width);
    }
  });
  test('a call without messages and streams has a drawing without lines', () => {
    expect(layout(cdr({ src: '', dst: '' }), 800)).toMatchObject({ participants: [], rows: [] });
  });
  test('an endpoint may send to itself', () => {
    expect(arrows(layout(cdr({ src: A, dst: A, messages: [message(0, A, A, 'INVITE x SIP/2.0')] }), 800))[0]).toMatchObject({ from: 0, to: 0 });
  });
});

describe('lines', () => {
  test('are in the order of time, messages and streams together', () => {
    const l = layout(cdr({ messages: [message(0, A, B, 'INVITE x SIP/2.0'), message(2, A, B, 'BYE x SIP/2.0')], streams: [stream(1, '10.0.0.11:4000', '10.0.0.5:7000', 'from-caller')] }), 800);
    expect(l.rows.map((r) => r.kind)).toEqual(['message', 'stream', 'message']);
    const y = l.rows.map((r) => r.y);
    expect([...y].sort((a, b) => a - b)).toEqual(y);
    expect(l.height).toBeGreaterThan(y[2]!);
  });
  test('tell the time since the first message and since the line above', () => {
    const l = layout(cdr({ messages: [message(0.5, A, B, 'INVITE x SIP/2.0'), message(0.5104, B, A, 'SIP/2.0 100 Trying'), message(1.75, B, A, 'SIP/2.0 180 Ringing')] }), 800);
    expect(arrows(l).map((r) => [r.offset, r.delta])).toEqual([['0.000', ''], ['0.010', '+0.010'], ['1.250', '+1.240']]);
  });
  test('a long silence is drawn as a gap with its length', () => {
    const l = layout(cdr({ messages: [message(0, A, B, 'ACK x SIP/2.0'), message(218, A, B, 'BYE x SIP/2.0')] }), 800);
    expect(l.rows.map((r) => (r.kind === 'pause' ? r.label : r.kind))).toEqual(['message', '3:38 min', 'message']);
  });
});

describe('an arrow', () => {
  test.each([
    ['INVITE sip:1002@10.0.0.5 SIP/2.0', 'INVITE', 'request'], ['SIP/2.0 183 Session Progress', '183 Session Progress', 'provisional'], ['SIP/2.0 200 OK', '200 OK', 'success'],
    ['SIP/2.0 302 Moved Temporarily', '302 Moved Temporarily', 'redirect'], ['SIP/2.0 486 Busy Here', '486 Busy Here', 'failure'], ['SIP/2.0 603 ', '603', 'failure'], ['', '?', 'request'],
  ])('of "%s" says "%s" and is a %s', (first_line, label, tone) => {
    expect(title(message(0, A, B, first_line))).toMatchObject({ label, tone });
  });
  test('names CSeq and SDP', () => {
    expect(title(message(0, A, B, 'INVITE x SIP/2.0', { sdp: 'PCMU PCMA' })).note).toBe('1 INVITE · SDP PCMU PCMA');
  });
});

describe('a stream', () => {
  test('runs between the lifelines of its addresses, though its ports are others', () => {
    const l = layout(cdr({ streams: [stream(1, '10.0.0.11:4000', '10.0.0.5:7000', 'from-caller'), stream(1, '10.0.0.5:7000', '10.0.0.11:4000', 'from-callee')] }), 800);
    expect(bars(l).map((r) => [r.from, r.to])).toEqual([[0, 1], [1, 0]]);
  });
  test('between endpoints of one machine goes by its direction', () => {
    const [a, b] = ['127.0.0.1:5060', '127.0.0.1:5070'];
    const l = layout(cdr({ src: a, dst: b, streams: [stream(1, '127.0.0.1:6000', '127.0.0.1:7000', 'from-caller'), stream(1, '127.0.0.1:7000', '127.0.0.1:6000', 'from-callee')] }), 800);
    expect(bars(l).map((r) => [r.from, r.to])).toEqual([[0, 1], [1, 0]]);
  });
  test('from an address without signalling gets a lifeline of its own', () => {
    const l = layout(cdr({ streams: [stream(1, '192.0.2.77:4000', '10.0.0.11:4000', 'from-callee')] }), 800);
    expect(l.participants[2]).toMatchObject({ endpoint: '192.0.2.77', role: 'media' });
    expect(bars(l)[0]).toMatchObject({ from: 2, to: 0 });
  });
});

test('every message and every stream of generated calls is one line between known participants', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const c = makeCall(seed, 1.7e15);
    const l = layout(c, 900);
    expect(arrows(l)).toHaveLength(c.messages.length);
    expect(bars(l)).toHaveLength(c.streams.length);
    for (const r of [...arrows(l), ...bars(l)]) {
      expect(l.participants[r.from]).toBeDefined();
      expect(l.participants[r.to]).toBeDefined();
    }
  }
});
