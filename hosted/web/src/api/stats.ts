// Statistics and usage, as openapi.yaml has them.

import { request } from './client';
import type { Time } from './types';

export interface Figures {
  calls: number; // that have it
  mean: number | null;
  p50: number | null;
  p95: number | null;
}

export interface Measures {
  calls: number;
  attempts: number;
  answered: number;
  effective: number;
  connected: number;
  short: number;
  legs: number;
  joined: number;
  over_limit: number;
  with_finding: number;
  kept: number;
  kept_bytes: number;
  classes: Record<string, number>; // "2xx" to "6xx", "none"
  asr: number | null; // per cent
  ner: number | null;
  duration_ms: Figures; // answer to end: the mean is the ACD
  pdd_ms: Figures;
  mos: { calls: number; mean: number | null; p5: number | null; bad: number };
  loss_pct: Figures & { high: number };
  jitter_ms: Figures;
}

export interface Flow {
  max: number; // most calls at a time
  max_at: Time | null;
  mean: number;
  peak_cps: number;
}

export interface Point extends Measures {
  at: Time;
  complete: boolean; // the step is over
  flow: Flow | null;
}

export interface Group extends Measures {
  key: string;
  where: string | null; // the condition that finds its calls
}

export type Dimension = 'sensor' | 'status' | 'end' | 'finding' | 'src' | 'dst' | 'prefix' | 'ua' | 'codec' | 'domain';

export interface Stats {
  from: Time; // what was counted; later than what was asked for where partial
  to: Time;
  source: 'rollups' | 'calls';
  partial: boolean;
  read: number; // calls that were read for it; 0 of rollups
  totals: Measures;
  flow: Flow | null; // null: not all calls were read
  status: Record<string, number>;
  ends: Record<string, number>;
  findings: Record<string, number>;
  step: number; // s
  settled: Time; // of calls that began later, some still run and are not counted
  series: Point[];
  by: Dimension | '';
  groups: Group[];
  others: number; // calls of groups that are not listed
}

export interface UsageDay {
  day: Time;
  calls: number;
  over_limit: number;
  peak: number;
  peak_at: Time | null;
  peak_cps: number;
  kept: number;
  kept_bytes: number;
}

export interface Usage {
  max_channels: number; // of each sensor
  channels: number | null; // calls that run now; null: no sensor answers
  kept_from: Time | null;
  calls: number;
  over_limit: number;
  days: UsageDay[]; // newest first
  sensors: { id_sensor: number; calls: number; over_limit: number; peak: number }[]; // today
}

const get = async <T>(path: string, signal?: AbortSignal) => (await request('GET', path, signal ? { signal } : {})).json() as Promise<T>;

export const stats = (query: URLSearchParams, signal?: AbortSignal) => get<Stats>(`/stats?${query}`, signal);
export const usage = (signal?: AbortSignal) => get<Usage>('/usage', signal);
