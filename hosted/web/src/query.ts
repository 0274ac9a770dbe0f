// What the calls page asks for. The search lives in the page's URL, so that every search is a link.

import type { LiveCall } from './api/types';
import { both, meant, quote } from './search/condition';
import { micros, rfc3339 } from './time';

export interface Filter {
  where: string; // a condition, docs/rules.md; "": all calls
  range: Range; // relative to now; 'custom' uses from and to
  from: number | null; // microseconds since the epoch
  to: number | null;
  oldest: boolean; // come first; otherwise the newest
}

export const RANGES = { all: 'All times', '15m': 'Last 15 minutes', '1h': 'Last hour', '24h': 'Last 24 hours', '7d': 'Last 7 days', custom: 'From … to …' } as const;
export type Range = keyof typeof RANGES;

export const SECONDS: Partial<Record<Range, number>> = { '15m': 900, '1h': 3600, '24h': 86_400, '7d': 604_800 };

export const EVERYTHING: Filter = { where: '', range: 'all', from: null, to: null, oldest: false };

// parseFilter reads a page's query. What it does not understand it leaves out: an old link still opens.
export function parseFilter(p: URLSearchParams): Filter {
  const from = micros(p.get('from'));
  const to = micros(p.get('to'));
  const range = p.get('range') ?? '';
  return {
    where: both(p.get('where')?.trim() ?? '', older(p)),
    range: from !== null || to !== null ? 'custom' : range in SECONDS ? (range as Range) : 'all',
    from, to,
    oldest: p.get('order') === 'oldest',
  };
}

// older makes a condition of the parameters that links had before there was one language.
function older(p: URLSearchParams): string {
  const number = (key: string, max: number) => {
    const n = Number(p.get(key));
    return n > 0 && n <= max ? n : 0;
  };
  const q = p.get('q')?.trim() ?? '';
  const finding = p.get('finding')?.trim();
  return [
    q && (meant(q) === q ? quote(q) : meant(q)),
    number('sensor', 65535) && `sensor:${Math.floor(number('sensor', 65535))}`,
    number('status', 699) && `status:${Math.floor(number('status', 699))}`,
    number('mos_below', 5) && `mos<${number('mos_below', 5)}`,
    finding && `finding:${quote(finding)}`,
    p.get('kept') === '1' && KEPT,
  ].filter(Boolean).join(' and ');
}

// KEPT holds for calls whose packets were kept.
export const KEPT = 'kept:(sip headers rtp)';

// pageQuery is the query of the page's URL; "" for the filter that selects everything.
export function pageQuery(f: Filter): string {
  const p = new URLSearchParams();
  if (f.where) p.set('where', f.where);
  if (f.range === 'custom') bounds(p, f.from, f.to);
  else if (f.range !== 'all') p.set('range', f.range);
  if (f.oldest) p.set('order', 'oldest');
  return p.toString();
}

// apiQuery is the query of GET /calls, with relative ranges made absolute. limit 0: none is asked for.
export function apiQuery(f: Filter, nowUS: number, limit: number, after = ''): URLSearchParams {
  const p = new URLSearchParams();
  if (f.where) p.set('where', f.where);
  const s = SECONDS[f.range];
  if (s) bounds(p, nowUS - s * 1e6, null);
  else if (f.range === 'custom') bounds(p, f.from, f.to);
  if (f.oldest) p.set('order', 'oldest');
  if (limit) p.set('limit', String(limit));
  if (after) p.set('after', after);
  return p;
}

function bounds(p: URLSearchParams, from: number | null, to: number | null) {
  if (from !== null) p.set('from', rfc3339(from));
  if (to !== null) p.set('to', rfc3339(to));
}

export const isNarrow = (f: Filter) => f.where !== '' || f.range !== 'all';

// inRange: a running call began in the filter's time. Its condition hosted asks itself.
export function inRange(f: Filter, c: LiveCall, nowUS: number): boolean {
  const s = SECONDS[f.range];
  const from = s ? nowUS - s * 1e6 : f.from;
  const start = micros(c.start) ?? 0;
  return (from === null || start >= from) && !(f.range === 'custom' && f.to !== null && start >= f.to);
}

// savedRange is how a saved search names a range, and readRange reads it.
export function savedRange(f: Filter): string {
  if (f.range === 'all') return '';
  if (f.range !== 'custom') return f.range;
  return f.from === null && f.to === null ? '' : `${f.from === null ? '' : rfc3339(f.from)}/${f.to === null ? '' : rfc3339(f.to)}`;
}

export function readRange(text: string): Pick<Filter, 'range' | 'from' | 'to'> {
  const [from, to] = text.split('/');
  if (to !== undefined) return { range: 'custom', from: micros(from), to: micros(to) };
  return { range: text in SECONDS ? (text as Range) : 'all', from: null, to: null };
}

// describe says in words what a filter asks for, one phrase for each part.
export function describe(f: Filter): string[] {
  const out: string[] = [];
  if (f.where) out.push(f.where);
  if (f.range === 'custom') out.push('the chosen times');
  else if (f.range !== 'all') out.push(RANGES[f.range].toLowerCase());
  return out;
}
