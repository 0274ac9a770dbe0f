// What a sensor said of its work in the past, as openapi.yaml has it.

import { request } from './client';
import type { Sensor, Time } from './types';

// HealthPoint is a step in which the sensor was heard: the most of what was said, the least of the free disk.
export interface HealthPoint {
  at: Time;
  running: number;
  over_limit: number;
  packets_per_s: number | null; // null: it started anew, or was not heard before
  drops_per_s: number | null;
  queue: number;
  lag_ms: number;
  lost_cdrs: number;
  spool_bytes: number;
  spool_free: number;
  clock_skew_ms: number;
  rtt_ms: number;
  problem: string; // code
}

export interface HealthLog {
  from: Time;
  to: Time;
  step: number; // s
  samples: HealthPoint[];
}

const get = async <T>(path: string, signal?: AbortSignal) => (await request('GET', path, signal ? { signal } : {})).json() as Promise<T>;

export const sensor = (uuid: string, signal?: AbortSignal) => get<Sensor>(`/sensors/${encodeURIComponent(uuid)}`, signal);
export const sensorHealth = (uuid: string, query: URLSearchParams, signal?: AbortSignal) => get<HealthLog>(`/sensors/${encodeURIComponent(uuid)}/health?${query}`, signal);
