import { describe, expect, test } from 'vitest';
import { bytes, count, duration, host, interval, listens, millis, mos, NONE, party, percent, plural, shorten } from './format';

test.each([[0, '0:00'], [183, '0.2 s'], [999, '1.0 s'], [1000, '0:01'], [7_999, '0:07'], [221_000, '3:41'], [3_729_000, '1:02:09'], [86_400_000, '24:00:00'], [null, NONE]])('a call of %s ms lasts %s', (ms, want) => {
  expect(duration(ms)).toBe(want);
});

test.each([[0, '0 ms'], [8.25, '8.3 ms'], [85, '85 ms'], [1250, '1.25 s'], [41_000, '41.0 s'], [218_000, '3:38 min'], [3_729_000, '1:02:09 h'], [undefined, NONE]])('%s ms is %s', (ms, want) => {
  expect(interval(ms)).toBe(want);
});

describe('what is not there is never shown as 0', () => {
  test('a MOS that could not be computed', () => {
    expect(mos(null)).toBe(NONE);
    expect(mos(0)).toBe(NONE);
    expect(mos(4.381)).toBe('4.38');
  });
  test('a loss, and a loss that is small', () => {
    expect(percent(null)).toBe(NONE);
    expect(percent(0)).toBe('0 %');
    expect(percent(0.004)).toBe('<0.1 %');
    expect(percent(6.1)).toBe('6.1 %');
  });
  test('a jitter', () => {
    expect(millis(null)).toBe(NONE);
    expect(millis(2.04)).toBe('2 ms');
    expect(millis(31.4)).toBe('31 ms');
    expect(millis(1710)).toBe('1.7 s');
    expect(millis(-0.02)).toBe('0 ms');
    expect(millis(-1.5)).toBe('-1.5 ms');
  });
});

test.each([[0, '0 B'], [999, '999 B'], [1000, '1 kB'], [999_949, '999.9 kB'], [999_951, '1 MB'], [11_482_370, '11.5 MB'], [3.2e9, '3.2 GB'], [4e12, '4 TB'], [null, NONE]])('%s bytes are %s', (n, want) => {
  expect(bytes(n)).toBe(want);
});

test('large numbers are grouped', () => {
  expect(count(1234567)).toBe('1 234 567');
  expect(plural(1, 'call')).toBe('1 call');
  expect(plural(2, 'call')).toBe('2 calls');
});

test.each([['10.0.0.5:5060', '10.0.0.5'], ['[2001:db8::9]:5060', '2001:db8::9'], ['10.0.0.5', '10.0.0.5']])('the host of %s is %s', (e, want) => {
  expect(host(e)).toBe(want);
});

test('a long text keeps both ends', () => {
  expect(shorten('eth0, eth1')).toBe('eth0, eth1');
  expect(shorten('/srv/captures/a.pcap, /srv/captures/b.pcap', 20)).toBe('/srv/capt…res/b.pcap');
  expect(shorten('x'.repeat(99), 20)).toHaveLength(20);
});

test.each([['', ''], ['eth0', 'eth0'], ['eth0, eth1', 'eth0, eth1'], ['a.pcap, b.pcap, c.pcap', 'a.pcap and more']])('a sensor that reads %j listens to %j', (source, want) => {
  expect(listens(source)).toBe(want);
});

test('a party without a number is shown by what is known', () => {
  expect(party('1001', 'Alice')).toBe('1001');
  expect(party('', 'Alice', 'example.net')).toBe('Alice');
  expect(party('', '', 'example.net')).toBe('example.net');
  expect(party('')).toBe('anonymous');
});
