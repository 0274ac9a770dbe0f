import { expect, test } from 'vitest';
import type { HealthPoint } from '../api/health';
import { makeSensors } from '../dev/data';
import { micros } from '../time';
import { clockSkew, disk, drops, grid, queue, ROWS } from './figures';

const well = makeSensors(1.8e15)[0]!;

test('a sensor that does well is told without alarm', () => {
  expect([queue(well), drops(well), disk(well), clockSkew(well)].map((f) => [f.text, f.tone])).toEqual([['0', 'ok'], ['0', 'ok'], ['61 GB free', 'ok'], ['in step', 'ok']]);
});

test('what is not well stands out', () => {
  expect(queue({ ...well, queue: 12, lag_ms: 90_000 })).toMatchObject({ text: '12 · 1:30 min', tone: 'warn' });
  expect(queue({ ...well, queue: 12, lag_ms: 3_600_000 }).tone).toBe('bad');
  expect(drops({ ...well, packets: 98, drops: 2 })).toMatchObject({ text: '2.0 %', tone: 'bad' });
  expect(drops({ ...well, packets: 1e9, drops: 1 })).toMatchObject({ text: '<0.1 %', tone: 'warn' });
  expect(disk({ ...well, spool: { ...well.spool!, free: 5e8 } }).tone).toBe('warn');
  expect(disk({ ...well, spool: { ...well.spool!, stopped: 'the disk is full' } })).toMatchObject({ text: 'stopped', tone: 'bad' });
  expect(clockSkew({ ...well, clock_skew_ms: -3000 })).toMatchObject({ text: '3.00 s behind', tone: 'warn' });
});

test('a clock is not called wrong for what the way there took', () => {
  expect(clockSkew({ ...well, clock_skew_ms: 400, rtt_ms: 900 }).text).toBe('in step');
});

test('what was never said is not 0', () => {
  const never = { ...well, queue: null, lag_ms: null, drops: null, packets: null, spool: null, clock_skew_ms: null, rtt_ms: null };
  expect([queue(never), drops(never), disk(never), clockSkew(never)].map((f) => f.text)).toEqual(['–', '–', '–', '–']);
});

test('a time in which the sensor was not heard is a gap', () => {
  const p = (at: string): HealthPoint => ({ at, running: 1, over_limit: 0, packets_per_s: null, drops_per_s: null, queue: 0, lag_ms: 0, lost_cdrs: 0, spool_bytes: 0, spool_free: 0, clock_skew_ms: 0, rtt_ms: 0, problem: '' });
  const from = micros('2026-11-22T10:00:30Z')!;
  const g = grid({ from: '', to: '', step: 60, samples: [p('2026-11-22T10:01:00.000000Z'), p('2026-11-22T10:03:00.000000Z')] }, from, from + 200e6, micros);
  expect(g.points.map((x) => x?.running ?? null)).toEqual([null, 1, null, 1]);
  expect(ROWS[0]!.lines[0]!.value(g.points[1]!)).toBe(1);
});
