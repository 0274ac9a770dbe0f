// Statistics for the development server: a day with a busy noon, one bad hour.

import type { HealthLog } from '../api/health';
import type { Figures, Group, Measures, Point, Stats, Usage } from '../api/stats';
import { micros, rfc3339 } from '../time';

const figures = (calls: number, mean: number): Figures => (calls ? { calls, mean, p50: mean * 0.8, p95: mean * 2.4 } : { calls: 0, mean: null, p50: null, p95: null });

// measures of n calls, of which the share good went well.
function measures(n: number, good: number): Measures {
  const connected = Math.round(n * good);
  const bad = Math.round(connected * (0.95 - good) * 0.3);
  return {
    calls: n, attempts: n, answered: connected, effective: Math.round(n * Math.min(1, good + 0.15)), connected, short: Math.round(connected * 0.04), legs: 0, joined: 0, over_limit: 0,
    with_finding: Math.round(n * 0.05), kept: 0, kept_bytes: 0, classes: { '2xx': connected, '4xx': Math.round((n - connected) * 0.7), '5xx': n - connected - Math.round((n - connected) * 0.7) },
    asr: n ? (100 * connected) / n : null, ner: n ? Math.min(100, 100 * (good + 0.15)) : null, duration_ms: figures(connected, 142_000), pdd_ms: figures(n, 1900),
    mos: connected ? { calls: connected, mean: 4.25, p5: 3.5 + good / 2, bad } : { calls: 0, mean: null, p5: null, bad: 0 },
    loss_pct: { ...figures(connected, 0.4), high: bad }, jitter_ms: figures(connected, 4.2),
  };
}

const DAY = 86_400;

export function makeStats(p: URLSearchParams): Stats {
  const to = micros(p.get('to')) ?? Date.now() * 1000;
  const from = micros(p.get('from')) ?? to - DAY * 1e6;
  const step = Number(p.get('step') ?? 0);
  const by = (p.get('by') ?? '') as Stats['by'];
  const series: Point[] = [];
  for (let t = step ? Math.floor(from / 1e6 / step) * step : Infinity; t < to / 1e6; t += step) {
    const hour = ((t / 3600) % 24) + 1;
    const busy = Math.exp(-(((hour - 12) / 4) ** 2)) + 0.03;
    const n = Math.round(busy * step * 0.3);
    series.push({ at: rfc3339(t * 1e6), complete: (t + step) * 1000 <= Date.now(), ...measures(n, hour > 14 && hour < 15 ? 0.4 : 0.78), flow: { max: Math.round(busy * 90), max_at: rfc3339(t * 1e6), mean: busy * 40, peak_cps: Math.round(busy * 20) / 10 } });
  }
  const all = series.reduce((n, s) => n + s.calls, 0);
  const group = (key: string, share: number, good: number): Group => ({ key, where: `${by} = "${key}"`, ...measures(Math.round(share * 4000), good) });
  return {
    from: rfc3339(from), to: rfc3339(to), source: 'rollups', partial: false, read: 0, totals: measures(all, 0.74), flow: { max: 93, max_at: rfc3339(from), mean: 21.4, peak_cps: 2.1 }, status: {}, ends: {}, findings: {},
    step, settled: rfc3339((Date.now() - 420_000) * 1000), series, by, groups: by ? [group('192.0.2.10', 0.5, 0.8), group('198.51.100.7', 0.3, 0.42), group('203.0.113.5', 0.2, 0.77)] : [], others: 0,
  };
}

export function makeUsage(): Usage {
  const today = Math.floor(Date.now() / 1000 / DAY) * DAY;
  const days = Array.from({ length: 25 }, (_, i) => ({ day: rfc3339((today - i * DAY) * 1e6), calls: 8000 + 900 * (i % 7), over_limit: i === 3 ? 4 : 0, peak: 80 + 9 * (i % 7), peak_at: null, peak_cps: 2.1, kept: 40, kept_bytes: 9e8 }));
  return { max_channels: 2000, channels: 23, kept_from: days.at(-1)!.day, calls: days.reduce((n, d) => n + d.calls, 0), over_limit: 4, days, sensors: [{ id_sensor: 1, calls: 5100, over_limit: 0, peak: 61 }, { id_sensor: 2, calls: 2900, over_limit: 0, peak: 32 }] };
}

export function makeHealth(p: URLSearchParams): HealthLog {
  const to = micros(p.get('to')) ?? Date.now() * 1000;
  const from = micros(p.get('from')) ?? to - DAY * 1e6;
  const step = Math.max(60, Math.ceil((to - from) / 1e6 / 300 / 60) * 60);
  const samples = [];
  for (let t = Math.ceil(from / 1e6 / step) * step; t < to / 1e6; t += step) {
    const busy = Math.exp(-((((t / 3600) % 24) - 11) ** 2) / 16) + 0.03;
    if ((t / 3600) % 24 > 3 && (t / 3600) % 24 < 4) continue; // it was offline
    samples.push({
      at: rfc3339(t * 1e6), running: Math.round(60 * busy), over_limit: 0, packets_per_s: Math.round(6000 * busy), drops_per_s: busy > 0.9 ? 3 : 0, queue: 0, lag_ms: busy > 0.95 ? 4000 : 0, lost_cdrs: 0,
      spool_bytes: 4e9, spool_free: 61e9 - 1e9 * busy, clock_skew_ms: 12, rtt_ms: 9, problem: '',
    });
  }
  return { from: rfc3339(from), to: rfc3339(to), step, samples };
}
