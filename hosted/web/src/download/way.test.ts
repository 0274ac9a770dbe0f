import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Sensor } from '../api/types';
import { unreachable, wayOf } from './way';

const sensor = { uuid: 'u', online: true, capabilities: ['download', 'direct'] } as Sensor;

describe('a download is tried straight from the sensor', () => {
  beforeEach(() => vi.stubGlobal('RTCPeerConnection', class {}));
  afterEach(() => vi.unstubAllGlobals());
  test('where its owner allows it and the user wants it', () => expect(wayOf(sensor, true)).toEqual({ direct: true, why: '', sensor: 'u' }));
  test.each([
    ['the owner has not', { ...sensor, capabilities: ['download'] } as Sensor, true, 'direct_download'],
    ['the user does not', sensor, false, 'you chose so'],
    ['it is offline', { ...sensor, online: false } as Sensor, true, ''],
    ['it is not known', undefined, true, ''],
  ])('not where %s', (_, s, chosen, why) => {
    const way = wayOf(s, chosen);
    expect(way.direct).toBe(false);
    expect(way.why).toContain(why);
    expect(way.why === '').toBe(why === '');
  });
  test('not where the browser cannot', () => {
    vi.unstubAllGlobals();
    expect(wayOf(sensor, true).why).toContain('WebRTC');
  });
  test('not for five minutes after there was no way', () => {
    unreachable('v', 'no direct way to the sensor was found', 1_000_000);
    const v = { ...sensor, uuid: 'v' } as Sensor;
    expect(wayOf(v, true, 1_000_000 + 299_000)).toMatchObject({ direct: false, why: 'no direct way to the sensor was found' });
    expect(wayOf(sensor, true, 1_000_000).direct).toBe(true);
    expect(wayOf(v, true, 1_000_000 + 301_000).direct).toBe(true);
  });
});
