import { describe, expect, test } from 'vitest';
import { makeCall } from './dev/data';
import { causeWord, ending, grade, status, statusTone } from './words';

test.each([[4.41, 'good'], [4.03, 'good'], [4.02, 'fair'], [3.6, 'fair'], [3.59, 'poor'], [3.1, 'poor'], [3.09, 'bad'], [1, 'bad'], [0, 'none'], [null, 'none']])('a MOS of %s is %s', (m, want) => {
  expect(grade(m)).toBe(want);
});

describe('a status', () => {
  test('keeps the phrase that was sent, and gets the standard one where none was', () => {
    expect(status(486, 'Busy Everywhere Here')).toBe('486 Busy Everywhere Here');
    expect(status(486)).toBe('486 Busy Here');
    expect(status(699)).toBe('699');
    expect(status(0)).toBe('no final answer');
  });
  test.each([[200, 'ok'], [486, 'quiet'], [487, 'quiet'], [0, 'quiet'], [404, 'warn'], [503, 'bad'], [302, 'warn']])('%i is %s', (code, tone) => {
    expect(statusTone(code)).toBe(tone);
  });
});

test('an ending says who', () => {
  const c = makeCall(1, 1e15);
  expect(ending({ ...c, end_cause: 'bye', end_by: 'callee' })).toBe('The called party hung up');
  expect(ending({ ...c, end_cause: 'bye', end_by: 'unknown' })).toBe('Hung up; which side is not known');
  expect(ending({ ...c, end_cause: 'rejected', status: 486, reason: '' })).toBe('Rejected with 486 Busy Here');
  expect(ending({ ...c, end_cause: '', end: null })).toBe('Running');
  expect(causeWord('bye', 'caller')).toBe('caller hung up');
  expect(causeWord('timeout-rtp', 'sensor')).toBe('RTP stopped');
});
