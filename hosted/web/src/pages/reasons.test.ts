import { describe, expect, test } from 'vitest';
import type { CDR, Sensor, User } from '../api/types';
import { makeCall, makeSensors } from '../dev/data';
import { captureState, suggestRule, whyNoFindings, whyNoStreams } from './reasons';

const admin: User = { name: 'a', role: 'admin', tenant: 'T' };
const [online, , offline] = makeSensors(1.7e15) as [Sensor, Sensor, Sensor];
const call = (over: Partial<CDR>): CDR => ({ ...makeCall(1, 1.7e15), findings: [], unchecked: [], rule: '', capture: { kept: 'none', packets: 0, bytes: 0 }, ...over });
const kept = call({ rule: 'sales', capture: { kept: 'rtp', packets: 10, bytes: 1000 } });

describe('the packets of a call', () => {
  test('can be had from a sensor that is online', () => {
    expect(captureState(kept, online, admin)).toEqual({ get: true, offline: false, why: '' });
    expect(captureState(kept, online, { ...admin, role: 'user' }).get).toBe(true);
  });
  test('are out of reach while their sensor is offline, and the page says which one', () => {
    expect(captureState(kept, offline, admin)).toMatchObject({ get: true, offline: true, why: expect.stringContaining('sensor 3 (pbx-brno), which is offline') });
    expect(captureState(kept, undefined, admin)).toMatchObject({ get: false, why: expect.stringContaining('no longer paired') });
  });
  test('are not for viewers', () => {
    expect(captureState(kept, online, { ...admin, role: 'viewer' })).toMatchObject({ get: false, why: expect.stringContaining('viewer') });
  });
  test('were not kept without a rule, and the page offers one', () => {
    expect(captureState(call({ callee: '+420555' }), online, admin)).toMatchObject({ get: false, rule: 'keep-420555: keep rtp when number:420555' });
  });
  test('were not kept because a rule said so, and the page names it', () => {
    expect(captureState(call({ rule: 'never-the-board' }), online, admin)).toMatchObject({ get: false, why: expect.stringContaining('never-the-board') });
  });
  test('of a running call come later', () => {
    expect(captureState({ ...kept, end: null }, online, admin)).toMatchObject({ get: false, why: expect.stringContaining('runs') });
  });
});

describe('the rule that is offered', () => {
  test.each<[string, Partial<CDR>, string]>([
    ['a bad finding', { findings: [{ code: 'one-way-audio', severity: 'bad', text: '', evidence: '', remedy: '' }] }, 'keep-one-way-audio: keep rtp when finding:one-way-audio'],
    ['a number', { callee: '1001' }, 'keep-1001: keep rtp when number:1001'],
    ['the source where no side is a number', { callee: 'alice', caller: 'bob', src: '[2001:db8::1]:5060' }, 'keep-source: keep rtp when ip:2001:db8::1'],
  ])('is about %s', (_, over, want) => expect(suggestRule(call(over))).toBe(want));
});

test('no streams has a different reason for each kind of call', () => {
  const reasons = [call({ over_limit: true }), call({ answer: '2026-11-22T10:00:00.000000Z' }), call({ answer: null, end: null }), call({ answer: null, status: 486 })].map(whyNoStreams);
  expect(new Set(reasons).size).toBe(4);
  expect(reasons[3]).toContain('486');
});

test('nothing found is told apart from not checked', () => {
  expect(whyNoFindings(call({}))).toContain('were checked');
  expect(whyNoFindings(call({ streams: [] }))).toContain('no media to check');
  expect(whyNoFindings(call({ over_limit: true }))).toContain('not checked');
  expect(whyNoFindings(call({ unchecked: [{ reason: 'call on hold', codes: ['one-way-audio'] }] }))).toBe('Nothing found in what was checked.');
});
