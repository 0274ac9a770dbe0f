import { describe, expect, test } from 'vitest';
import type { CDR, Interval, Peaks } from '../api/types';
import { makeCall } from '../dev/data';
import { badPlaces, events, leadIn, nextMark, type Mark } from './marks';

const START = '2026-11-22T10:00:00.000000Z';
const peaks = (lost: number[], span = 100): Peaks => ({
  start: START, duration_ms: lost.length * span, sample_rate: 8000, points: lost.length, missing: [],
  sides: [{ side: 'caller', codecs: [], min: [], max: [], lost: lost.map(() => 0) }, { side: 'callee', codecs: [], min: [], max: [], lost }],
});
const zeros = (n: number) => new Array<number>(n).fill(0);
const call = (intervals: Interval[]): CDR => {
  const c = makeCall(1, 1.7e15);
  const s = makeCall(2, 1.7e15).streams[0] ?? c.streams[0]!;
  return { ...c, streams: [{ ...s, direction: 'from-callee', intervals }] };
};

describe('a bad place', () => {
  test('joins losses that lie close together, and counts them', () => {
    expect(badPlaces(peaks([...zeros(10), 2, 0, 0, 1, ...zeros(30), 4, 0]), call([]))).toEqual([
      { kind: 'loss', side: 'callee', from: 1000, to: 1400, lost: 3, text: '3 packets not played in 0.4 s' },
      { kind: 'loss', side: 'callee', from: 4400, to: 4500, lost: 4, text: '4 packets not played' },
    ]);
  });
  test('is a poor interval, too, unless its losses say it better', () => {
    const poor: Interval = { t: START, packets: 500, lost: 0, jitter_ms: 41.4, mos: 2.9 };
    expect(badPlaces(peaks(zeros(50)), call([poor]))).toEqual([{ kind: 'mos', side: 'callee', from: 0, to: 5000, lost: 0, text: 'MOS 2.9, jitter 41 ms' }]);
    expect(badPlaces(peaks([1, ...zeros(49)]), call([poor])).map((m) => m.kind)).toEqual(['loss']);
  });
  test('is not where all was played', () => expect(badPlaces(peaks(zeros(50)), call([{ t: START, packets: 500, lost: 0, jitter_ms: 1, mos: 4.38 }]))).toEqual([]));
});

describe('the next bad place', () => {
  const at = (from: number): Mark => ({ kind: 'loss', side: 'caller', from, to: from + 100, lost: 1, text: '' });
  const marks = [at(500), at(5000), at(9000)];
  test.each([[0, 1, 5000], [4000, 1, 9000], [8000, 1, 500], [9900, -1, 9000], [8000, -1, 5000], [0, -1, 9000]] as const)('from %i by %i is %i', (from, step, want) => expect(nextMark(marks, from, step)?.from).toBe(want));
  test('is heard from a second before', () => {
    expect(leadIn(marks[1]!)).toBe(4000);
    expect(leadIn(marks[0]!)).toBe(0);
  });
  test('is none where none is', () => expect(nextMark([], 0, 1)).toBeNull());
});

test('what happened in the signalling while there was audio', () => {
  const message = (s: number, first_line: string, cseq: string, retransmission = false) => ({ t: `2026-11-22T10:00:0${s}.000000Z`, src: '', dst: '', first_line, cseq, retransmission, sdp: '' });
  const c: CDR = {
    ...makeCall(1, 1.7e15), answer: '2026-11-22T10:00:01.000000Z',
    messages: [message(0, 'INVITE sip:1 SIP/2.0', '1 INVITE'), message(3, 'INVITE sip:1 SIP/2.0', '2 INVITE'), message(4, 'INVITE sip:1 SIP/2.0', '2 INVITE', true), message(5, 'SIP/2.0 200 OK', '2 INVITE'), message(6, 'BYE sip:1 SIP/2.0', '3 BYE')],
  };
  expect(events(peaks(zeros(100)), c)).toEqual([{ at: 1000, text: 'answer' }, { at: 3000, text: 're-INVITE' }]);
});
