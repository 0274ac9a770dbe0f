import { describe, expect, test } from 'vitest';
import type { Metric } from '../api/alerts';
import { blank, ending, figure, span } from './words';

const asr = { name: 'asr', unit: '%', decimals: 1 } as Metric;

describe('figures', () => {
  test.each([
    [39.04, asr, false, '39 %'],
    [39.16, asr, false, '39.2 %'],
    [3.456, { ...asr, unit: '', decimals: 2 }, false, '3.46'],
    [null, asr, false, '–'],
    [49.6, asr, true, '50 % of last week’s'],
    [7, undefined, false, '7'], // of an alert that is gone
  ])('%s is written as hosted writes it', (v, m, lastWeek, want) => expect(figure(v, m, lastWeek)).toBe(want));
});

test.each([[0, '0 s'], [59_000, '59 s'], [90_000, '1 min 30 s'], [3_600_000, '1 h'], [180_000_000, '2 d 2 h']])('%i ms is %s', (ms, want) => expect(span(ms)).toBe(want));

test('an incident that has no end lasts', () => {
  const i = { end: '' } as Parameters<typeof ending>[0];
  expect([ending(i), ending({ ...i, end: 'no-data' })]).toEqual(['lasts', 'no data any more']);
});

test('a new alert names everything that the API asks for', () => {
  const a = blank();
  expect(a.window_ms).toBeGreaterThanOrEqual(60_000);
  expect(Object.values(a)).not.toContain(undefined);
});
