import { describe, expect, test } from 'vitest';
import { ago, clock, date, dateTime, fromInput, micros, offset, rfc3339, timesIn, zoneName } from './time';

// vite.config.ts runs these tests with TZ=Europe/Prague: +01:00, and +02:00 from 2026-03-29 01:00 UTC to 2026-10-25 01:00 UTC.

const at = (t: string) => micros(t)!;

describe('micros', () => {
  test('keeps the microseconds', () => {
    expect(at('2026-11-22T10:00:00.123456Z')).toBe(Date.UTC(2026, 10, 22, 10) * 1000 + 123456);
  });
  test('reads times without a fraction, with a short one, with nanoseconds and with an offset', () => {
    expect(at('2026-11-22T10:00:00Z')).toBe(at('2026-11-22T10:00:00.000000Z'));
    expect(at('2026-11-22T10:00:00.5Z') - at('2026-11-22T10:00:00Z')).toBe(500_000);
    expect(at('2026-11-22T10:00:00.123456789Z') % 1e6).toBe(123456);
    expect(at('2026-11-22T11:00:00+01:00')).toBe(at('2026-11-22T10:00:00Z'));
  });
  test.each([null, undefined, '', 'yesterday', '2026-11-22', '2026-13-45T99:99:99Z'])('gives null for %s', (t) => {
    expect(micros(t)).toBeNull();
  });
});

test('what the API takes is what it gave', () => {
  for (const t of ['2026-11-22T10:00:00.000001Z', '1999-12-31T23:59:59.999999Z', '2026-03-29T01:00:00.500000Z']) expect(rfc3339(at(t))).toBe(t);
});

describe('a moment in a zone', () => {
  test('is the same moment with another clock', () => {
    const t = at('2026-11-22T23:30:00.250000Z');
    expect(dateTime(t, 'utc')).toBe('2026-11-22 23:30:00');
    expect(dateTime(t, 'local')).toBe('2026-11-23 00:30:00');
    expect(date(t, 'local')).toBe('2026-11-23');
  });
  test('follows daylight saving time', () => {
    expect(clock(at('2026-10-25T00:59:59Z'), 'local')).toBe('02:59:59');
    expect(clock(at('2026-10-25T01:00:00Z'), 'local')).toBe('02:00:00');
    expect(offset(at('2026-10-25T00:59:59Z'), 'local')).toBe('+02:00');
    expect(offset(at('2026-10-25T01:00:00Z'), 'local')).toBe('+01:00');
    expect(offset(at('2026-10-25T01:00:00Z'), 'utc')).toBe('+00:00');
  });
  test('cuts decimals and does not round up', () => {
    expect(clock(at('2026-11-22T10:00:00.999999Z'), 'utc', 3)).toBe('10:00:00.999');
    expect(clock(at('2026-11-22T10:00:00.999999Z'), 'utc')).toBe('10:00:00');
  });
  test('has a name', () => {
    expect(zoneName('utc')).toBe('UTC');
    expect(zoneName('local')).toBe('Europe/Prague');
  });
});

describe('a typed time', () => {
  test('is read in the zone in use', () => {
    expect(fromInput('2026-07-01 12:00', 'utc')).toBe(at('2026-07-01T12:00:00Z'));
    expect(fromInput('2026-07-01 12:00:30', 'local')).toBe(at('2026-07-01T10:00:30Z'));
    expect(fromInput('2026-07-01', 'local')).toBe(at('2026-06-30T22:00:00Z'));
    expect(fromInput('2026-07-01T12:00', 'utc')).toBe(at('2026-07-01T12:00:00Z'));
  });
  test('comes back as it is shown', () => {
    for (const zone of ['utc', 'local'] as const) {
      const t = at('2026-11-22T10:11:12Z');
      expect(fromInput(dateTime(t, zone), zone)).toBe(t);
    }
  });
  test.each(['', 'now', '12:00', '2026-13-01', '2026-01-32 10:00', '2026-01-01 24:00', '2026-01-01 10:60', '22.11.2026'])('%s is refused', (text) => {
    expect(fromInput(text, 'utc')).toBeNull();
  });
});

test.each([[0, 'just now'], [40, '40 s ago'], [300, '5 min ago'], [7200, '2 h ago'], [259_200, '3 d ago']])('%i s before now is %s', (s, want) => {
  expect(ago(1e15 - s * 1e6, 1e15)).toBe(want);
});

test.each([
  ['', ['']],
  ['7 of 9 lost', ['7 of 9 lost']],
  ['the ten seconds from 2026-11-22T11:38:00.668592Z', ['the ten seconds from ', '2026-11-22T11:38:00.668592Z', '']],
  ['2026-11-22T11:38:00Z and 2026-11-22', ['', '2026-11-22T11:38:00Z', ' and 2026-11-22']],
])('times in the text %j', (text, want) => expect(timesIn(text)).toEqual(want));
