import { describe as group, expect, test } from 'vitest';
import { makeLive } from './dev/data';
import { apiQuery, describe, EVERYTHING, inRange, parseFilter, pageQuery, readRange, savedRange, type Filter } from './query';
import { micros } from './time';

const from = micros('2026-11-22T10:00:00.000000Z')!;
const full: Filter = { where: 'caller:420* and mos<3.6', range: 'custom', from, to: from + 1, oldest: false };
const read = (q: string) => parseFilter(new URLSearchParams(q));

test('a filter survives the way through the URL', () => {
  for (const f of [EVERYTHING, full, { ...EVERYTHING, range: '24h' as const }, { ...EVERYTHING, where: 'callee:"+1 & x"' }, { ...full, oldest: true }]) expect(read(pageQuery(f))).toEqual(f);
  expect(pageQuery(EVERYTHING)).toBe('');
});

group('links of before there was one language still open', () => {
  test.each([
    ['q=%2B420', 'number:+420*'], ['q=10.0.0.1', 'ip:10.0.0.1'], ['q=jana', 'jana'], ['q=a%3Db', '"a=b"'], ['q=a@b', 'callid=a@b'],
    ['sensor=3&status=486&mos_below=3.6&finding=no-audio&kept=1', 'sensor:3 and status:486 and mos<3.6 and finding:no-audio and kept:(sip headers rtp)'],
    ['where=a+or+b&status=486', '(a or b) and status:486'], ['sensor=0&status=9999&mos_below=x&kept=0', ''],
  ])('%s', (q, want) => expect(read(q).where).toBe(want));
});

test('what is not understood is left out', () => {
  expect(read('range=1y&from=never')).toEqual(EVERYTHING);
});

test('the API is asked for absolute times', () => {
  expect(apiQuery({ ...EVERYTHING, where: 'mos<3', range: '1h' }, from, 100, 'x').toString()).toBe('where=mos%3C3&from=2026-11-22T09%3A00%3A00.000000Z&limit=100&after=x');
  expect(apiQuery({ ...EVERYTHING, oldest: true }, 0, 0).toString()).toBe('order=oldest');
  expect(apiQuery(full, 0, 0).get('to')).toBe('2026-11-22T10:00:00.000001Z');
  expect(apiQuery(EVERYTHING, from, 0).toString()).toBe('');
});

test('a range is saved and read again', () => {
  for (const f of [EVERYTHING, full, { ...EVERYTHING, range: '7d' as const }, { ...full, to: null }, { ...full, from: null }]) expect(readRange(savedRange(f))).toEqual({ range: f.range, from: f.from, to: f.to });
  expect(savedRange(full)).toBe('2026-11-22T10:00:00.000000Z/2026-11-22T10:00:00.000001Z');
  expect(readRange('42d')).toEqual({ range: 'all', from: null, to: null });
});

test('running calls are of the time that the filter says', () => {
  const c = { ...makeLive(1, from), start: '2026-11-22T09:59:00.000000Z' };
  const ask = (f: Partial<Filter>) => inRange({ ...EVERYTHING, ...f }, c, from);
  expect([ask({}), ask({ range: '15m' }), ask({ range: 'custom', from }), ask({ range: 'custom', to: from }), ask({ range: 'custom', from: from - 60e6, to: from - 60e6 })]).toEqual([true, true, false, true, false]);
});

test('a filter is said in words', () => {
  expect(describe(full)).toEqual(['caller:420* and mos<3.6', 'the chosen times']);
  expect(describe({ ...EVERYTHING, range: '24h' })).toEqual(['last 24 hours']);
  expect(describe(EVERYTHING)).toEqual([]);
});
