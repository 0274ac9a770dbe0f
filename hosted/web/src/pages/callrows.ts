// One row of the calls list, whether the call runs or has ended.

import type { CDR, LiveCall, Severity } from '../api/types';
import { duration, party } from '../format';
import { micros } from '../time';
import { byWeight } from '../ui/bits';
import { causeWord, stateWord, status, statusTone, type Tone } from '../words';

export interface CallRow {
  id: string;
  live: boolean;
  start: string | null;
  caller: string;
  callee: string;
  duration: string;
  status: string;
  tone: Tone;
  mos: number | null;
  loss: number | null;
  jitter: number | null;
  codec: string;
  end: string;
  sensor: number;
  finding: { code: string; severity: Severity; more: number } | null;
  fields: Partial<CDR>; // as they are in the record; of a running call those that it has
  kept: 'kept' | 'held' | ''; // held: no rule has decided yet, and one may
}

export function endedRow(c: CDR): CallRow {
  const [worst] = byWeight(c.findings);
  return {
    id: c.id, live: false, start: c.start, caller: party(c.caller, c.caller_name, c.caller_domain), callee: party(c.callee || c.callee_uri, '', c.callee_domain),
    duration: duration(c.duration_ms), status: status(c.status, c.reason), tone: statusTone(c.status), mos: c.mos, loss: c.loss_pct, jitter: c.jitter_ms,
    codec: c.codecs.join(' '), end: causeWord(c.end_cause, c.end_by), sensor: c.sensor_id,
    finding: worst ? { code: worst.code, severity: worst.severity, more: c.findings.length - 1 } : null, fields: c, kept: c.capture.kept !== 'none' ? 'kept' : '',
  };
}

export function liveRow(c: LiveCall, nowUS: number): CallRow {
  const start = micros(c.start);
  return {
    id: c.id, live: true, start: c.start, caller: party(c.caller), callee: party(c.callee), duration: start === null ? '' : duration((nowUS - start) / 1000),
    status: stateWord(c), tone: c.state === 'up' ? 'ok' : 'info', mos: c.mos, loss: c.loss_pct, jitter: c.jitter_ms, codec: c.codec, end: 'running', sensor: c.sensor_id,
    finding: c.finding ? { code: c.finding, severity: c.severity || 'info', more: 0 } : null, fields: runningFields(c), kept: c.kept !== '' && c.kept !== 'none' ? 'kept' : c.held ? 'held' : '',
  };
}

function runningFields(c: LiveCall): Partial<CDR> {
  const { id, call_id, group_id, src, dst, transport, answer, pdd_ms, rule } = c;
  return { id, call_id, group_id, src, dst, transport, answer, pdd_ms, rule };
}
