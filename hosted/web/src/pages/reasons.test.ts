import { describe, expect, test } from 'vitest';
import type { CDR, Sensor, User } from '../api/types';
import { makeCall, makeSensors } from '../dev/data';
import { audioState, captureState, whyNoFindings, whyNoStreams } from './reasons';

const admin: User = { name: 'a', role: 'admin', tenant: 'T', rights: ['listen', 'download', 'rules', 'numbers'] };
const [online, , offline] = makeSensors(1.7e15) as [Sensor, Sensor, Sensor];
const call = (over: Partial<CDR>): CDR => ({ ...makeCall(1, 1.7e15), findings: [], unchecked: [], rule: '', capture: { kept: 'none', packets: 0, bytes: 0 }, ...over });
const kept = call({ rule: 'sales', capture: { kept: 'rtp', packets: 10, bytes: 1000 } });

describe('the packets of a call', () => {
  test('can be had from a sensor that is online', () => {
    expect(captureState(kept, online, admin)).toEqual({ get: true, offline: false, why: '' });
    expect(captureState(kept, online, { ...admin, role: 'viewer', rights: ['download', 'numbers'] }).get).toBe(true);
  });
  test('are out of reach while their sensor is offline, and the page says which one', () => {
    expect(captureState(kept, offline, admin)).toMatchObject({ get: true, offline: true, why: expect.stringContaining('sensor 3 (pbx-brno), which is offline') });
    expect(captureState(kept, undefined, admin)).toMatchObject({ get: false, why: expect.stringContaining('no longer paired') });
  });
  test('are for those who have the right', () => {
    expect(captureState(kept, online, { ...admin, rights: ['listen', 'rules'] })).toMatchObject({ get: false, why: expect.stringContaining('right “download”') });
    expect(captureState(kept, online, { ...admin, rights: ['download'] })).toMatchObject({ get: false, why: expect.stringContaining('right “numbers”') });
  });
  test('are not sent where the sensor’s owner has switched that off', () => {
    expect(captureState(kept, { ...online, capabilities: ['listen'] }, admin)).toMatchObject({ get: false, why: expect.stringContaining('cloud_download = no') });
    expect(captureState(kept, { ...online, capabilities: ['download'] }, admin).get).toBe(true);
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

describe('the voice of a call', () => {
  const stream = makeCall(1, 1.7e15).streams[0]!;
  const voice = (over: Partial<CDR>, s: Partial<CDR['streams'][number]> = {}) =>
    call({ answer: '2026-11-22T10:00:00.000000Z', rule: 'sales', capture: { kept: 'rtp', packets: 10, bytes: 1000 }, streams: [{ ...stream, codec: 'PCMA', encrypted: false, ...s }], ...over });

  test('can be heard from a sensor that is online', () => expect(audioState(voice({}), online, admin)).toEqual({ get: true, offline: false, why: '' }));
  test.each<[string, CDR, string, { rule?: boolean; pcap?: boolean }]>([
    ['no rule matched', voice({ rule: '', capture: { kept: 'none', packets: 0, bytes: 0 } }), 'No capture rule', {}],
    ['a rule keeps nothing', voice({ rule: 'board', capture: { kept: 'none', packets: 0, bytes: 0 } }), '“board” decided', {}],
    ['only the signalling was kept', voice({ capture: { kept: 'sip', packets: 9, bytes: 99 } }), 'keeps the signalling; the voice was not kept', { rule: true, pcap: true }],
    ['only headers were kept', voice({ capture: { kept: 'headers', packets: 9, bytes: 99 } }), 'headers of RTP; the voice was not kept', { rule: true, pcap: true }],
    ['the rule says no audio', voice({ capture: { kept: 'rtp', packets: 9, bytes: 99, no_audio: true } }), '“no audio”', { pcap: true }],
    ['the codec has no decoder', voice({}, { codec: 'G729' }), 'G729 cannot be decoded', { pcap: true }],
    ['it is encrypted and no key is known', voice({ findings: [{ code: 'srtp-without-key', severity: 'warn', text: '', evidence: '', remedy: '' }] }, { encrypted: true }), 'encrypted (SRTP)', { pcap: true }],
    ['nobody answered', voice({ answer: null, status: 486, reason: 'Busy Here', streams: [] }), '486 Busy Here', {}],
    ['the call runs', voice({ end: null }), 'runs', {}],
  ])('cannot be heard because %s', (_, c, words, more) => {
    const s = audioState(c, online, admin);
    expect(s).toMatchObject({ get: false, why: expect.stringContaining(words) });
    expect([!!s.rule, !!s.pcap]).toEqual([!!more.rule, !!more.pcap]);
  });
  test('is for those who have the right', () => expect(audioState(voice({}), online, { ...admin, rights: ['download'] })).toMatchObject({ get: false, why: expect.stringContaining('right “listen”') }));
  test('is out of reach while the sensor is offline', () => expect(audioState(voice({}), offline, admin)).toMatchObject({ get: true, offline: true, why: expect.stringContaining('is offline') }));
  test('is not sent where the sensor’s owner has switched that off', () => expect(audioState(voice({}), { ...online, capabilities: ['download'] }, admin)).toMatchObject({ get: false, why: expect.stringContaining('cloud_listen = no') }));
  test('of one side can be heard though the other has no decoder', () => expect(audioState(voice({ streams: [{ ...stream, codec: 'G729' }, { ...stream, codec: 'PCMA' }] }), online, admin).get).toBe(true));
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
