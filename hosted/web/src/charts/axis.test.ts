import { expect, test } from 'vitest';
import { aligned, axisTime, middles, parted, stacked } from './axis';

const at = (t: string) => Date.parse(t) / 1000;

test('an axis names the day where it begins, and days alone where ticks are days', () => {
  expect(axisTime([at('2026-11-21T22:00:00Z'), at('2026-11-22T00:00:00Z'), at('2026-11-22T02:00:00Z')], 'utc')).toEqual(['22:00', '11-22', '02:00']);
  expect(axisTime([at('2026-11-21T00:00:00Z'), at('2026-11-22T00:00:00Z')], 'utc')).toEqual(['11-21', '11-22']);
});

test('points are in the middle of their steps, and in sight', () => {
  expect(middles([0, 60e6, 120e6], 60, 40e6, 130e6)).toEqual([40, 90, 130]);
});

test('bars stand on each other', () => {
  expect(stacked([[1, null, 3], [4, 5, 0]])).toEqual([[1, 0, 3], [5, 5, 3]]);
});

test('what is compared with has a value for each step, or a gap', () => {
  expect(aligned([1, 2, 3], 2)).toEqual([1, 2]);
  expect(aligned([1], 3)).toEqual([1, null, null]);
});

test('what may still change is drawn on its own, and a line goes on there', () => {
  expect(parted([1, 2, null, 4], 3, true)).toEqual([[1, 2, null, null], [null, null, null, 4]]);
  expect(parted([1, 2, 3, 4], 2, true)).toEqual([[1, 2, null, null], [null, 2, 3, 4]]);
  expect(parted([1, 2, 3, 4], 2, false)).toEqual([[1, 2, null, null], [null, null, 3, 4]]);
  expect(parted([1, 2], 0, true)).toEqual([[null, null], [1, 2]]);
});
