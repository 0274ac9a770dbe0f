import { expect, test } from 'vitest';
import type { Point } from '../api/stats';
import { makeStats } from '../dev/stats';
import { bounds, both, callsLink, cut, parseView, PANELS, preliminary, SECONDS, stepFor, values, viewPath, type Span } from './view';

const read = (q: string) => parseView(new URLSearchParams(q));
const at = (t: string) => Date.parse(t) * 1000;

test('a view and its URL say the same', () => {
  for (const q of ['', 'range=1h', 'from=2026-11-22T10:00:00.000000Z&to=2026-11-22T11:00:00.000000Z', 'range=7d&where=mos+%3C+3&sensor=7&compare=week&wall=1']) {
    expect(viewPath(read(q))).toBe(q ? `/dashboard?${new URLSearchParams(q)}` : '/dashboard');
  }
});

test('what is not understood is left out', () => {
  expect(read('range=9y&sensor=x&compare=never&from=now&wall=yes')).toEqual(read(''));
  expect(read('from=2026-11-22T11:00:00Z&to=2026-11-22T10:00:00Z').span).toBe('24h');
});

test('a view ends with the minute that runs', () => {
  expect(bounds(read('range=1h'), at('2026-11-22T10:00:30Z'))).toEqual([at('2026-11-22T09:01:00Z'), at('2026-11-22T10:01:00Z')]);
  expect(bounds(read('from=2026-11-22T10:00:30Z&to=2026-11-22T10:05:01Z'), 0)).toEqual([at('2026-11-22T10:00:00Z'), at('2026-11-22T10:06:00Z')]);
});

test('steps are such that the service takes: of whole minutes that divide a day, and not too many', () => {
  for (const span of Object.keys(SECONDS) as Span[]) {
    const step = stepFor(0, SECONDS[span] * 1e6);
    expect(86_400 % step).toBe(0);
    expect(SECONDS[span] / step).toBeLessThanOrEqual(300);
    expect(SECONDS[span] / step).toBeGreaterThan(50);
  }
});

test('a point has some calls where there are few', () => {
  expect(stepFor(0, SECONDS['24h'] * 1e6, 600)).toBe(1800);
  expect(stepFor(0, SECONDS['24h'] * 1e6, 3)).toBe(3600);
  expect(stepFor(0, SECONDS['24h'] * 1e6, 1e6)).toBe(300);
});

test('conditions are joined so that both hold', () => {
  expect(both('', 'mos < 3.6')).toBe('mos < 3.6');
  expect(both('src:10.0.0.0/8 or ua:x', 'mos < 3.6')).toBe('(src:10.0.0.0/8 or ua:x) and mos < 3.6');
});

test('a point opens the part of its step that was counted', () => {
  expect(cut(100e6, 60, 130e6, 150e6)).toEqual([130e6, 150e6]);
  const link = new URL(callsLink(read('where=callee:1*&sensor=3'), at('2026-11-22T10:00:00Z'), at('2026-11-22T10:05:00Z'), 'mos < 3.6'), 'http://x');
  expect(Object.fromEntries(link.searchParams)).toEqual({
    from: '2026-11-22T10:00:00.000000Z', to: '2026-11-22T10:05:00.000000Z', where: 'callee:1* and mos < 3.6', sensor: '3',
  });
});

const none = { calls: 0, mean: null, p50: null, p95: null };
const quiet: Point = {
  at: '2026-11-22T10:00:00.000000Z', complete: true, flow: null, calls: 0, attempts: 0, answered: 0, effective: 0, connected: 0, short: 0, legs: 0, joined: 0, over_limit: 0, with_finding: 0, kept: 0, kept_bytes: 0,
  classes: {}, asr: null, ner: null, duration_ms: none, pdd_ms: none, mos: { calls: 0, mean: null, p5: null, bad: 0 }, loss_pct: { ...none, high: 0 }, jitter_ms: none,
};

test('a time without calls is a gap in what is measured of calls, and 0 calls', () => {
  for (const p of PANELS) {
    for (const l of p.lines) expect([l.name, values(l, [quiet], 60, p)]).toEqual([l.name, [p.kind === 'stack' || (p.id === 'cps' && l.name === 'mean') ? 0 : null]]);
    expect(p.drill.count(quiet)).toBe(0);
  }
});

test('calls a second are of the whole step', () => {
  const cps = PANELS.find((p) => p.id === 'cps')!;
  expect(values(cps.lines[1]!, [{ ...quiet, calls: 30 }], 60, cps)).toEqual([0.5]);
});

test('points that are not over, or of which calls still run, may still change', () => {
  const s = makeStats(new URLSearchParams({ from: '2026-11-22T10:00:00Z', to: '2026-11-22T10:05:00Z', step: '60' }));
  s.series.forEach((p, i) => (p.complete = i < 4));
  for (const [settled, want] of [['2026-11-22T10:05:00.000000Z', 4], ['2026-11-22T10:03:00.000000Z', 3], ['2026-11-22T10:02:59.999999Z', 2], ['2026-11-22T09:00:00.000000Z', 0]] as const) {
    expect([settled, preliminary({ ...s, settled })]).toEqual([settled, want]);
  }
  expect(preliminary({ ...s, settled: '2026-11-22T11:00:00.000000Z', series: s.series.slice(0, 4) })).toBe(4);
});
