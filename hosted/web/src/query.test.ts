import { describe, expect, test } from 'vitest';
import type { LiveCall } from './api/types';
import { apiQuery, describe as words, EVERYTHING, isNarrow, matchesLive, pageQuery, parseFilter, type Filter } from './query';
import { micros } from './time';

const parse = (query: string) => parseFilter(new URLSearchParams(query));
const NOW = micros('2026-11-22T10:00:00Z')!;

const FULL: Filter = {
  q: '+420', range: 'custom', from: micros('2026-11-20T10:00:00Z'), to: micros('2026-11-21T10:00:00.500000Z'), sensor: 2, status: 486, mosBelow: 3.6, finding: 'one-way-audio', kept: true,
};

describe('the filter in the page’s URL', () => {
  test.each<[string, Filter]>([['everything', EVERYTHING], ['all conditions', FULL], ['a relative range', { ...EVERYTHING, range: '24h' }], ['an open end', { ...FULL, to: null }]])('comes back: %s', (_, f) => {
    expect(parse(pageQuery(f))).toEqual(f);
  });
  test('is empty when it selects everything', () => {
    expect(pageQuery(EVERYTHING)).toBe('');
    expect(isNarrow(EVERYTHING)).toBe(false);
    expect(isNarrow(FULL)).toBe(true);
  });
  test('leaves out what it does not understand', () => {
    expect(parse('status=abc&sensor=-3&mos_below=77&range=fortnight&from=monday&kept=yes&what=ever')).toEqual(EVERYTHING);
  });
  test('escapes what a user types', () => {
    expect(parse(pageQuery({ ...EVERYTHING, q: 'a&b=c #+%' })).q).toBe('a&b=c #+%');
  });
});

describe('the question to the API', () => {
  test('has the parameters of GET /calls', () => {
    expect(Object.fromEntries(apiQuery(FULL, NOW, 100, 'cursor'))).toEqual({
      q: '+420', from: '2026-11-20T10:00:00.000000Z', to: '2026-11-21T10:00:00.500000Z', sensor: '2', status: '486', mos_below: '3.6', finding: 'one-way-audio', kept: '1', limit: '100', after: 'cursor',
    });
  });
  test('makes a relative range absolute, and open towards now', () => {
    const p = apiQuery({ ...EVERYTHING, range: '1h' }, NOW, 50);
    expect(Object.fromEntries(p)).toEqual({ from: '2026-11-22T09:00:00.000000Z', limit: '50' });
  });
});

describe('a running call', () => {
  const call: LiveCall = {
    id: 'x', call_id: 'abc@host', group_id: '', sensor_id: 2, state: 'up', caller: '+420555', callee: '1001', src: '10.0.0.1:5060', dst: '[2001:db8::5]:5060', transport: 'udp', start: '2026-11-22T09:50:00.000000Z',
    answer: null, end: null, status: 200, codec: 'PCMA', pdd_ms: null, mos: 3.2, loss_pct: 1, jitter_ms: 2, packets: 10, finding: 'loss-burst', severity: 'warn', kept: 'rtp', rule: 'r',
  };
  const f = (c: Partial<Filter>): Filter => ({ ...EVERYTHING, ...c });
  test.each<[string, Filter]>([
    ['a number prefix', f({ q: '+420' })], ['the callee', f({ q: '100' })], ['the Call-ID', f({ q: 'abc@host' })], ['an address', f({ q: '10.0.0.1' })], ['an IPv6 address', f({ q: '2001:db8::5' })],
    ['the last hour', f({ range: '1h' })], ['its sensor', f({ sensor: 2 })], ['a MOS above its own', f({ mosBelow: 3.6 })], ['its finding', f({ finding: 'loss-burst' })], ['kept', f({ kept: true })],
    ['its status', f({ status: 200 })],
  ])('is shown for %s', (_, filter) => expect(matchesLive(filter, call, NOW)).toBe(true));
  test.each<[string, Filter]>([
    ['the middle of a number', f({ q: '555' })], ['part of an address', f({ q: '10.0.0' })], ['times before it', f({ range: 'custom', to: micros('2026-11-22T09:00:00Z') })],
    ['times after it', f({ range: 'custom', from: micros('2026-11-22T09:55:00Z') })], ['another sensor', f({ sensor: 1 })], ['a lower MOS', f({ mosBelow: 3.1 })], ['another finding', f({ finding: 'no-audio' })],
    ['another status', f({ status: 486 })],
  ])('is not shown for %s', (_, filter) => expect(matchesLive(filter, call, NOW)).toBe(false));
  test('leaves a relative range as time goes on', () => {
    expect(matchesLive(f({ range: '15m' }), call, NOW)).toBe(true);
    expect(matchesLive(f({ range: '15m' }), call, NOW + 600e6)).toBe(false);
  });
  test('without a MOS is not below one', () => expect(matchesLive(f({ mosBelow: 4 }), { ...call, mos: null }, NOW)).toBe(false));
  test('that is not kept is not shown as kept', () => expect(matchesLive(f({ kept: true }), { ...call, kept: 'none' }, NOW)).toBe(false));
});

test('a filter is told in words', () => {
  expect(words({ ...FULL, range: '24h', from: null, to: null })).toEqual(['number, Call-ID or IP “+420”', 'last 24 hours', 'sensor 2', 'status 486', 'MOS below 3.6', 'finding one-way-audio', 'PCAP kept']);
});
