// Where a call was bad, on the time axis of its audio.

import type { CDR, Peaks, Side } from '../api/types';
import { plural } from '../format';
import { micros } from '../time';

export interface Mark {
  kind: 'loss' | 'mos';
  side: Side;
  from: number; // ms from the first sample
  to: number;
  lost: number; // packets that were not played
  text: string;
}

const JOIN_MS = 1000; // losses that are closer than this are one place; in a long call closer than a 150th of it, as one sees it
const POOR = 3.6; // MOS below which many are not satisfied (ITU-T G.107 annex B)

export const SIDE_WORD: Record<Side, string> = { caller: 'caller', callee: 'called side' };

// badPlaces lists where packets were not played, and where a 10 s interval of a stream was poor for another reason, in time.
export function badPlaces(peaks: Peaks, cdr: CDR): Mark[] {
  const out = peaks.sides.flatMap((s) => losses(s.lost, peaks.duration_ms / Math.max(1, s.lost.length), s.side));
  const start = micros(peaks.start) ?? 0;
  for (const s of cdr.streams) {
    const side: Side | null = s.direction === 'from-caller' ? 'caller' : s.direction === 'from-callee' ? 'callee' : null;
    if (!side) continue;
    for (const i of s.intervals ?? []) {
      const from = ((micros(i.t) ?? start) - start) / 1000;
      const to = Math.min(from + 10_000, peaks.duration_ms);
      if (!(i.mos > 0 && i.mos < POOR) || from >= peaks.duration_ms || to <= 0) continue;
      if (out.some((m) => m.kind === 'loss' && m.side === side && m.from < to && m.to > from)) continue; // said more exactly already
      out.push({ kind: 'mos', side, from: Math.max(0, from), to, lost: 0, text: `MOS ${i.mos.toFixed(1)}, jitter ${Math.round(i.jitter_ms)} ms` });
    }
  }
  return out.sort((a, b) => a.from - b.from || a.side.localeCompare(b.side));
}

function losses(lost: number[], span: number, side: Side): Mark[] {
  const out: Mark[] = [];
  lost.forEach((n, i) => {
    if (n <= 0) return;
    const last = out.at(-1);
    const from = i * span;
    if (last && from - last.to < Math.max(JOIN_MS, (span * lost.length) / 150)) {
      last.to = from + span;
      last.lost += n;
    } else out.push({ kind: 'loss', side, from, to: from + span, lost: n, text: '' });
  });
  for (const m of out) m.text = `${plural(m.lost, 'packet')} not played${m.to - m.from >= 250 ? ` in ${((m.to - m.from) / 1000).toFixed(1)} s` : ''}`;
  return out;
}

// nextMark is the place after (or before) a position; it goes round.
export function nextMark(marks: Mark[], at: number, step: 1 | -1): Mark | null {
  if (marks.length === 0) return null;
  const starts = marks.map((m) => leadIn(m));
  if (step > 0) return marks[Math.max(0, starts.findIndex((s) => s > at + 50))] ?? marks[0]!;
  for (let i = marks.length - 1; i >= 0; i--) if (starts[i]! < at - 1500) return marks[i]!;
  return marks.at(-1)!;
}

// leadIn is from where one listens to a place: a little earlier, so that the ear knows what went missing.
export const leadIn = (m: Mark) => Math.max(0, m.from - 1000);

export interface Event {
  at: number; // ms from the first sample
  text: string;
}

// events are what happened in the signalling while there was audio.
export function events(peaks: Peaks, cdr: CDR): Event[] {
  const start = micros(peaks.start) ?? 0;
  const out: Event[] = [];
  const add = (t: string | null, text: string) => {
    const us = micros(t);
    const at = us === null ? -1 : (us - start) / 1000;
    if (at > 0 && at < peaks.duration_ms) out.push({ at, text });
  };
  add(cdr.answer, 'answer');
  const seen = new Set<string>();
  for (const m of cdr.messages) {
    const again = m.retransmission || seen.has(m.cseq);
    seen.add(m.cseq);
    if (again || m.t === null || (cdr.answer !== null && m.t <= cdr.answer) || cdr.answer === null) continue;
    const method = /^([A-Z]+) /.exec(m.first_line)?.[1];
    if (method === 'INVITE') add(m.t, 're-INVITE');
    else if (method === 'UPDATE' || method === 'REFER') add(m.t, method);
  }
  return out;
}
