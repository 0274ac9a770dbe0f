// Words and numbers of alerts.

import type { Incident, Metric, Phase, Spec } from '../api/alerts';
import type { Severity } from '../api/types';
import type { Tone } from '../words';

export const PHASES: Record<Phase, [string, Tone]> = {
  firing: ['firing', 'bad'], pending: ['pending', 'warn'], ok: ['ok', 'ok'], 'no-data': ['no data', 'quiet'], off: ['off', 'quiet'],
};

export const SEVERITIES: Record<Severity, string> = { bad: 'Bad', warn: 'Warning', info: 'Note' };

export const EVENTS = { firing: 'fires', more: 'fires for more', repeat: 'still fires', resolved: 'is over' } as const;

export const BY: Record<Spec['by'], string> = { tenant: 'all together', sensor: 'each sensor', source: 'each source address', destination: 'each destination address' };

// figure writes a value with its unit.
export function figure(v: number | null, m: Metric | undefined, lastWeek = false): string {
  if (v === null) return '–';
  if (lastWeek) return `${Math.round(v)} % of last week’s`;
  const n = String(Number(v.toFixed(m?.decimals ?? 2)));
  return m?.unit ? `${n} ${m.unit}` : n;
}

// span writes a duration: "5 min", "1 h 30 min".
export function span(ms: number): string {
  const parts: string[] = [];
  let rest = Math.round(ms / 1000);
  for (const [unit, s] of [['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]] as const) {
    const n = Math.floor(rest / s);
    if (n > 0 && parts.length < 2) parts.push(`${n} ${unit}`);
    rest -= n * s;
  }
  return parts.join(' ') || '0 s';
}

// why says in words how an incident ended, or what became of it.
export function ending(i: Incident): string {
  switch (i.end) {
    case 'over': return 'over';
    case 'no-data': return 'no data any more';
    case 'changed': return 'the alert was changed';
    default: return 'lasts';
  }
}

// blank is a new alert before anybody has said anything.
export const blank = (): Spec => ({
  name: '', enabled: true, note: '', metric: 'asr', bound: null, finding: '', match: '', where: '', by: 'tenant', side: 'below', threshold: 40, over: null, last_week: false,
  window_ms: 900_000, min_calls: 20, hold_ms: 120_000, resolve_ms: 300_000, severity: 'warn', receivers: [], repeat_ms: 14_400_000, quiet: null,
});
