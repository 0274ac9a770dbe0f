// Which way a download may take: straight from the sensor, or relayed by hosted; and why.

import type { Sensor } from '../api/types';

// What a page knows before a download.
export interface Way {
  direct: boolean; // it is tried straight from the sensor first
  why: string; // why not, in words that end a sentence
  sensor: string; // its UUID
}

const AGAIN_MS = 5 * 60_000; // until a sensor that was not reached is tried again
const unreached = new Map<string, { at: number; why: string }>();

// wayOf says how what a sensor has is fetched. chosen is the user's setting.
export function wayOf(sensor: Sensor | undefined, chosen: boolean, now = Date.now()): Way {
  const relayed = (why: string): Way => ({ direct: false, why, sensor: sensor?.uuid ?? '' });
  if (!sensor?.online) return relayed('');
  if (!sensor.capabilities.includes('direct')) return relayed('the sensor’s owner has not switched on direct downloads (direct_download)');
  if (!chosen) return relayed('you chose so under Account');
  if (typeof RTCPeerConnection === 'undefined') return relayed('this browser has no WebRTC');
  const before = unreached.get(sensor.uuid);
  if (before && now - before.at < AGAIN_MS) return relayed(before.why);
  return { direct: true, why: '', sensor: sensor.uuid };
}

// unreachable remembers for a while that there was no direct way to a sensor, so that nobody waits for it again.
export function unreachable(sensor: string, why: string, now = Date.now()) {
  unreached.set(sensor, { at: now, why });
}
