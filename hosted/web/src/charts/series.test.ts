import { expect, test } from 'vitest';
import type { Interval, Stream } from '../api/types';
import { makeCall } from '../dev/data';
import { columns, nearest, value } from './series';

const base = makeCall(1, 1e15).streams[0]!;
const stream = (...intervals: Interval[]): Stream => ({ ...base, intervals });
const at = (s: number, over: Partial<Interval> = {}): Interval => ({ t: `2026-11-22T10:00:${String(s).padStart(2, '0')}.000000Z`, packets: 500, lost: 0, jitter_ms: 2, mos: 4.4, ...over });

test('streams that begin at different moments share one time axis', () => {
  const c = columns([stream(at(0), at(10)), stream(at(3, { mos: 3 }), at(10, { mos: 2 }))], 'mos');
  expect(c.x.map((x) => x - c.x[0]!)).toEqual([0, 3, 10]);
  expect(c.y).toEqual([[4.4, undefined, 4.4], [undefined, 3, 2]]);
});

test('loss is of the packets that were expected', () => {
  expect(value(at(0, { packets: 450, lost: 50 }), 'loss')).toBe(10);
  expect(value(at(0, { packets: 0, lost: 500 }), 'loss')).toBe(100);
});

test('an interval without a value is a gap, not 0', () => {
  expect(value(at(0, { mos: 0 }), 'mos')).toBeNull();
  expect(value(at(0, { packets: 0, lost: 0 }), 'loss')).toBeNull();
  expect(value(at(0, { packets: 0, lost: 9 }), 'jitter')).toBeNull();
});

test('a reading under the cursor is the closest interval’s of that stream, if one is near', () => {
  const c = columns([stream(at(0), at(10, { mos: 3 })), stream(at(4, { mos: 2 }))], 'mos');
  const zero = c.x[0]!;
  expect(nearest(c, 0, zero + 4)).toBe(4.4);
  expect(nearest(c, 0, zero + 7)).toBe(3);
  expect(nearest(c, 1, zero + 10)).toBe(2);
  expect(nearest(c, 1, zero + 40)).toBeNull();
});

test('streams without intervals have no columns', () => {
  expect(columns([{ ...base, intervals: null }], 'loss')).toEqual({ x: [], y: [[]] });
});
