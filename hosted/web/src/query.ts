// What the calls page asks for. The filter lives in the page's URL, so that every search is a link.

import type { LiveCall } from './api/types';
import { host } from './format';
import { micros, rfc3339 } from './time';

export interface Filter {
  q: string; // number prefix, Call-ID or IP address
  range: Range; // relative to now; 'custom' uses from and to
  from: number | null; // microseconds since the epoch
  to: number | null;
  sensor: number; // id_sensor, 0: all
  status: number; // 0: all
  mosBelow: number; // 0: all
  finding: string;
  kept: boolean;
}

export const RANGES = { all: 'All times', '15m': 'Last 15 minutes', '1h': 'Last hour', '24h': 'Last 24 hours', '7d': 'Last 7 days', custom: 'From … to …' } as const;
export type Range = keyof typeof RANGES;

export const SECONDS: Partial<Record<Range, number>> = { '15m': 900, '1h': 3600, '24h': 86_400, '7d': 604_800 };

export const EVERYTHING: Filter = { q: '', range: 'all', from: null, to: null, sensor: 0, status: 0, mosBelow: 0, finding: '', kept: false };

// parseFilter reads a page's query. What it does not understand it leaves out: an old link still opens.
export function parseFilter(p: URLSearchParams): Filter {
  const number = (key: string, max: number) => {
    const n = Number(p.get(key));
    return n > 0 && n <= max ? n : 0;
  };
  const from = micros(p.get('from'));
  const to = micros(p.get('to'));
  const range = p.get('range') ?? '';
  return {
    q: p.get('q')?.trim() ?? '',
    range: from !== null || to !== null ? 'custom' : range in SECONDS ? (range as Range) : 'all',
    from, to,
    sensor: Math.floor(number('sensor', 65535)),
    status: Math.floor(number('status', 699)),
    mosBelow: number('mos_below', 5),
    finding: p.get('finding')?.trim() ?? '',
    kept: p.get('kept') === '1',
  };
}

// pageQuery is the query of the page's URL; "" for the filter that selects everything.
export function pageQuery(f: Filter): string {
  const p = common(f);
  if (f.range === 'custom') bounds(p, f.from, f.to);
  else if (f.range !== 'all') p.set('range', f.range);
  return p.toString();
}

// apiQuery is the query of GET /calls, with relative ranges made absolute.
export function apiQuery(f: Filter, nowUS: number, limit: number, after = ''): URLSearchParams {
  const p = common(f);
  const s = SECONDS[f.range];
  if (s) bounds(p, nowUS - s * 1e6, null);
  else if (f.range === 'custom') bounds(p, f.from, f.to);
  p.set('limit', String(limit));
  if (after) p.set('after', after);
  return p;
}

function common(f: Filter): URLSearchParams {
  const p = new URLSearchParams();
  if (f.q) p.set('q', f.q);
  if (f.sensor) p.set('sensor', String(f.sensor));
  if (f.status) p.set('status', String(f.status));
  if (f.mosBelow) p.set('mos_below', String(f.mosBelow));
  if (f.finding) p.set('finding', f.finding);
  if (f.kept) p.set('kept', '1');
  return p;
}

function bounds(p: URLSearchParams, from: number | null, to: number | null) {
  if (from !== null) p.set('from', rfc3339(from));
  if (to !== null) p.set('to', rfc3339(to));
}

export const isNarrow = (f: Filter) => pageQuery(f) !== '';

// matchesLive applies the same filter to a running call: what the server does for ended ones.
export function matchesLive(f: Filter, c: LiveCall, nowUS: number): boolean {
  if (f.q && !(c.caller.startsWith(f.q) || c.callee.startsWith(f.q) || c.call_id === f.q || host(c.src) === f.q || host(c.dst) === f.q)) return false;
  const s = SECONDS[f.range];
  const from = s ? nowUS - s * 1e6 : f.from;
  const start = micros(c.start) ?? 0;
  if (from !== null && start < from) return false;
  if (f.range === 'custom' && f.to !== null && start >= f.to) return false;
  if (f.sensor && c.sensor_id !== f.sensor) return false;
  if (f.status && c.status !== f.status) return false;
  if (f.mosBelow && !(c.mos !== null && c.mos < f.mosBelow)) return false;
  if (f.finding && c.finding !== f.finding) return false;
  return !f.kept || (c.kept !== '' && c.kept !== 'none');
}

// describe says in words what a filter asks for, one phrase for each condition.
export function describe(f: Filter): string[] {
  const out: string[] = [];
  if (f.q) out.push(`number, Call-ID or IP “${f.q}”`);
  if (f.range === 'custom') out.push('the chosen times');
  else if (f.range !== 'all') out.push(RANGES[f.range].toLowerCase());
  if (f.sensor) out.push(`sensor ${f.sensor}`);
  if (f.status) out.push(`status ${f.status}`);
  if (f.mosBelow) out.push(`MOS below ${f.mosBelow}`);
  if (f.finding) out.push(`finding ${f.finding}`);
  if (f.kept) out.push('PCAP kept');
  return out;
}
