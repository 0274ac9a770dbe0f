// What the dashboard shows lives in the page's URL: the time, the condition, what it is compared with.

import type { Flow, Measures, Point, Stats } from '../api/stats';
import { micros, rfc3339 } from '../time';

export const SPANS = { '1h': 'Hour', '6h': '6 hours', '24h': '24 hours', '7d': '7 days', '25d': '25 days' } as const;
export type Span = keyof typeof SPANS;
export const SECONDS: Record<Span, number> = { '1h': 3600, '6h': 21_600, '24h': 86_400, '7d': 604_800, '25d': 2_160_000 };

export const COMPARES = { '': 'nothing', day: 'day before', week: 'week before' } as const;
export type Compare = keyof typeof COMPARES;
export const BACK: Record<Exclude<Compare, ''>, number> = { day: 86_400, week: 604_800 };

export interface View {
  span: Span | ''; // relative to now; '': from and to
  from: number; // us
  to: number;
  where: string;
  sensor: number; // id_sensor, 0: all
  compare: Compare;
  wall: boolean;
}

const MINUTE = 60e6;

// parseView reads the page's query. What it does not understand it leaves out: an old link still opens.
export function parseView(p: URLSearchParams): View {
  const from = micros(p.get('from'));
  const to = micros(p.get('to'));
  const custom = from !== null && to !== null && to > from;
  const span = p.get('range') ?? '';
  const compare = p.get('compare') ?? '';
  const sensor = Number(p.get('sensor'));
  return {
    span: custom ? '' : span in SECONDS ? (span as Span) : '24h',
    from: custom ? from : 0,
    to: custom ? to : 0,
    where: p.get('where')?.trim() ?? '',
    sensor: Number.isInteger(sensor) && sensor > 0 && sensor <= 65535 ? sensor : 0,
    compare: compare in COMPARES ? (compare as Compare) : '',
    wall: p.get('wall') === '1',
  };
}

export function viewPath(v: View): string {
  const p = new URLSearchParams();
  if (!v.span) {
    p.set('from', rfc3339(v.from));
    p.set('to', rfc3339(v.to));
  } else if (v.span !== '24h') p.set('range', v.span);
  if (v.where) p.set('where', v.where);
  if (v.sensor) p.set('sensor', String(v.sensor));
  if (v.compare) p.set('compare', v.compare);
  if (v.wall) p.set('wall', '1');
  return p.size ? `/dashboard?${p}` : '/dashboard';
}

// bounds is the time of a view in whole minutes, us.
export function bounds(v: View, nowUS: number): [number, number] {
  if (!v.span) return [Math.floor(v.from / MINUTE) * MINUTE, Math.ceil(v.to / MINUTE) * MINUTE];
  const to = Math.ceil(nowUS / MINUTE) * MINUTE;
  return [to - SECONDS[v.span] * 1e6, to];
}

// ends tells whether the view goes up to now, so that it changes while one looks.
export const isLive = (v: View) => v.span !== '';

const STEPS = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
export const MOST_POINTS = 300;
const LEAST_POINTS = 30;
const CALLS_A_POINT = 10;

// stepFor is how long a point of a chart is, s: so that there are at most MOST_POINTS, and that each has some calls, without which
// ratios say nothing. calls: 0 while it is not known how many there are.
export function stepFor(from: number, to: number, calls = 0): number {
  const points = calls ? Math.min(MOST_POINTS, Math.max(LEAST_POINTS, calls / CALLS_A_POINT)) : MOST_POINTS;
  return STEPS.find((s) => (to - from) / 1e6 / s <= points) ?? STEPS.at(-1)!;
}

// common is the part of a query that statistics and the list of calls share.
function common(v: View, from: number, to: number, cond = ''): URLSearchParams {
  const p = new URLSearchParams({ from: rfc3339(from), to: rfc3339(to) });
  const where = both(v.where, cond);
  if (where) p.set('where', where);
  if (v.sensor) p.set('sensor', String(v.sensor));
  return p;
}

export function statsQuery(v: View, from: number, to: number, more: Record<string, string> = {}): URLSearchParams {
  const p = common(v, from, to);
  for (const [k, x] of Object.entries(more)) p.set(k, x);
  return p;
}

// callsLink is the list of the calls of a time for which a condition holds.
export const callsLink = (v: View, from: number, to: number, cond = '') => `/calls?${common(v, from, to, cond)}`;

// both joins two conditions; "or" binds less than "and".
export function both(a: string, b: string): string {
  const wrap = (s: string) => (/\bor\b/i.test(s) ? `(${s})` : s);
  return a && b ? `${wrap(a)} and ${wrap(b)}` : a || b;
}

// cut is the part of a step that was counted: the first may begin earlier, the last end later.
export function cut(at: number, step: number, from: number, to: number): [number, number] {
  return [Math.max(at, from), Math.min(at + step * 1e6, to)];
}

// preliminary is the first point that may still change: its step is not over, or calls that began in it still run, and so are not
// counted yet. The number of points if there is none.
export function preliminary(s: Stats): number {
  const settled = micros(s.settled)!;
  const i = s.series.findIndex((p) => !p.complete || micros(p.at)! + s.step * 1e6 > settled);
  return i < 0 ? s.series.length : i;
}

// Drill is what a figure opens: a condition on the calls, and how many these are.
export interface Drill {
  where: string;
  text: string; // "calls with a MOS below 3.6"
  count: (m: Measures) => number;
}

export const ALL: Drill = { where: '', text: 'calls', count: (m) => m.calls };
export const BEGUN: Drill = { where: '', text: 'calls that began then', count: (m) => m.calls };
export const UNANSWERED: Drill = { where: 'not connected >= 0', text: 'not answered', count: (m) => m.calls - m.connected };
export const CONNECTED: Drill = { where: 'connected >= 0', text: 'answered', count: (m) => m.connected };
export const DIALLED: Drill = { where: 'pdd >= 0', text: 'with a post-dial delay', count: (m) => m.pdd_ms.calls };
export const BAD_MOS: Drill = { where: 'mos < 3.6', text: 'with a MOS below 3.6', count: (m) => m.mos.bad };
export const WITH_MOS: Drill = { where: 'mos >= 0', text: 'with a MOS', count: (m) => m.mos.calls };
export const LOSSY: Drill = { where: 'loss >= 1', text: 'with 1 % loss or more', count: (m) => m.loss_pct.high };
export const WITH_JITTER: Drill = { where: 'jitter >= 0', text: 'with media', count: (m) => m.jitter_ms.calls };
export const SHORT: Drill = { where: 'connected < 10', text: 'shorter than 10 s', count: (m) => m.short };
export const FOUND: Drill = { where: 'finding:*', text: 'with a finding', count: (m) => m.with_finding };

const ofClass = (n: number, text: string): Drill => ({ where: `status >= ${n}00 and status < ${n + 1}00`, text, count: (m) => m.classes[`${n}xx`] ?? 0 });

export interface Line {
  name: string;
  value: (p: Point) => number | null;
  drill?: Drill; // of this line alone; otherwise the panel's
}

export interface Panel {
  id: string;
  title: string;
  unit: string;
  kind: 'lines' | 'stack';
  lines: Line[];
  drill: Drill;
  least: number; // what the scale reaches at least
  most?: number; // and at most
  bottom?: number; // where it begins, 0
  decimals: number;
  needsFlow?: true;
  help: string;
}

const flow = (f: (x: Flow) => number) => (p: Point) => (p.flow ? f(p.flow) : null);
const share = (n: (m: Measures) => number, of: (m: Measures) => number) => (p: Point) => (of(p) ? (100 * n(p)) / of(p) : null);
const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);

export const PANELS: Panel[] = [
  {
    id: 'calls', title: 'Calls', unit: '', kind: 'stack', drill: ALL, least: 4, decimals: 0, help: 'Calls that began in each step, by the class of their last final status.',
    lines: [
      { name: '2xx answered', value: (p) => p.classes['2xx'] ?? 0, drill: ofClass(2, 'with 2xx') },
      { name: '3xx', value: (p) => p.classes['3xx'] ?? 0, drill: ofClass(3, 'with 3xx') },
      { name: '4xx', value: (p) => p.classes['4xx'] ?? 0, drill: ofClass(4, 'with 4xx') },
      { name: '5xx', value: (p) => p.classes['5xx'] ?? 0, drill: ofClass(5, 'with 5xx') },
      { name: '6xx', value: (p) => p.classes['6xx'] ?? 0, drill: ofClass(6, 'with 6xx') },
      { name: 'no final status', value: (p) => p.classes.none ?? 0, drill: { where: 'not status >= 0', text: 'without a final status', count: (m) => m.classes.none ?? 0 } },
    ],
  },
  {
    id: 'asr', title: 'ASR, NER', unit: '%', kind: 'lines', drill: UNANSWERED, least: 100, most: 103, decimals: 1,
    help: 'Answer-seizure ratio: attempts that were answered. Network effectiveness ratio: attempts that were answered, or ended by a user (busy, no answer, refused).',
    lines: [{ name: 'ASR', value: (p) => p.asr }, { name: 'NER', value: (p) => p.ner }],
  },
  {
    id: 'concurrent', title: 'Concurrent calls', unit: '', kind: 'lines', drill: BEGUN, least: 4, decimals: 0, needsFlow: true,
    help: 'Calls that ran at a time, counted every ten seconds: the most, and the mean. Calls that still run have no record yet and are not in it.',
    lines: [{ name: 'most', value: flow((f) => f.max) }, { name: 'mean', value: flow((f) => f.mean) }],
  },
  {
    id: 'cps', title: 'Calls a second', unit: '', kind: 'lines', drill: BEGUN, least: 0.5, decimals: 2, needsFlow: true, help: 'Calls that began a second: in the busiest ten seconds of each step, and on average.',
    lines: [{ name: 'peak', value: flow((f) => f.peak_cps) }, { name: 'mean', value: (p) => p.calls }],
  },
  {
    id: 'acd', title: 'ACD', unit: 's', kind: 'lines', drill: CONNECTED, least: 10, decimals: 0, help: 'Average call duration: answer to end, of the calls that were answered; mean and median.',
    lines: [{ name: 'mean', value: (p) => seconds(p.duration_ms.mean) }, { name: 'median', value: (p) => seconds(p.duration_ms.p50) }],
  },
  {
    id: 'pdd', title: 'PDD', unit: 's', kind: 'lines', drill: DIALLED, least: 1, decimals: 2, help: 'Post-dial delay: INVITE to the first 18x, or to the final response; what 95 in a hundred do not exceed, and the median.',
    lines: [{ name: 'p95', value: (p) => seconds(p.pdd_ms.p95) }, { name: 'median', value: (p) => seconds(p.pdd_ms.p50) }],
  },
  {
    id: 'mos', title: 'MOS', unit: '', kind: 'lines', drill: BAD_MOS, least: 4.6, most: 4.6, bottom: 1, decimals: 2, help: 'Of each call’s worst stream (ITU-T G.107): the mean, and what five in a hundred are below.',
    lines: [{ name: 'mean', value: (p) => p.mos.mean }, { name: 'p5', value: (p) => p.mos.p5 }],
  },
  {
    id: 'bad', title: 'Bad MOS', unit: '% of the calls with media', kind: 'lines', drill: BAD_MOS, least: 5, decimals: 1, help: 'Share of the calls with a MOS below 3.6.',
    lines: [{ name: 'below 3.6', value: share((m) => m.mos.bad, (m) => m.mos.calls) }],
  },
  {
    id: 'loss', title: 'Loss', unit: '%', kind: 'lines', drill: LOSSY, least: 1, decimals: 2, help: 'Lost packets of each call’s worst stream: what 95 in a hundred calls do not exceed, and the mean.',
    lines: [{ name: 'p95', value: (p) => p.loss_pct.p95 }, { name: 'mean', value: (p) => p.loss_pct.mean }],
  },
  {
    id: 'jitter', title: 'Jitter', unit: 'ms', kind: 'lines', drill: WITH_JITTER, least: 10, decimals: 1, help: 'Interarrival jitter (RFC 3550) of each call’s worst stream.',
    lines: [{ name: 'p95', value: (p) => p.jitter_ms.p95 }, { name: 'mean', value: (p) => p.jitter_ms.mean }],
  },
  {
    id: 'short', title: 'Short calls', unit: '% of the answered', kind: 'lines', drill: SHORT, least: 5, decimals: 1, help: 'Share of the answered calls that lasted less than 10 s: dropped calls, robots, false answers.',
    lines: [{ name: 'below 10 s', value: share((m) => m.short, (m) => m.connected) }],
  },
  {
    id: 'findings', title: 'Findings', unit: '% of the calls', kind: 'lines', drill: FOUND, least: 5, decimals: 1, help: 'Share of the calls with at least one finding.',
    lines: [{ name: 'with a finding', value: share((m) => m.with_finding, (m) => m.calls) }],
  },
];

// values are a line's, one each point. The mean of calls a second needs the step.
export function values(line: Line, points: Point[], step: number, panel: Panel): (number | null)[] {
  return points.map((p) => {
    const v = line.value(p);
    return v !== null && panel.id === 'cps' && line.name === 'mean' ? v / step : v;
  });
}
