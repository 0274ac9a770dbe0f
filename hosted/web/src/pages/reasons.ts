// Why something is not there. Every gap on the call page has its sentence here.

import type { CDR, Sensor, Stream, User } from '../api/types';
import { host } from '../format';
import { status } from '../words';

export interface CaptureState {
  get: boolean; // there is something to download, and the user may
  offline: boolean; // the sensor that holds it is not reachable now
  why: string; // in a sentence; "" when nothing stands in the way
  rule?: string; // a rule that would keep the next such call
}

export function captureState(c: CDR, sensor: Sensor | undefined, user: User): CaptureState {
  const name = sensor ? `sensor ${sensor.id_sensor} (${sensor.name})` : `sensor ${c.sensor_id}`;
  if (!c.end) return { get: false, offline: false, why: c.capture.kept === 'none' ? 'The call runs. No rule keeps its packets so far; a rule that looks at the end (mos, loss, finding) may still keep them.' : 'The call runs. Its packets are being kept and can be downloaded when it has ended.' };
  if (c.capture.kept === 'none') {
    if (c.rule) return { get: false, offline: false, why: `Rule “${c.rule}” decided for this call and keeps nothing.` };
    return {
      get: false, offline: false, rule: suggestRule(c),
      why: `No capture rule of ${name} matched, so the packets were thrown away after the analysis. This rule in its rule file keeps the next such call:`,
    };
  }
  if (user.role === 'viewer') return { get: false, offline: false, why: 'Your role, viewer, may see calls and not download packets. An administrator can change it.' };
  if (!sensor) return { get: false, offline: true, why: `The packets are on the disk of ${name}, which is no longer paired with this service.` };
  if (!sensor.online) return { get: true, offline: true, why: `The packets are on the disk of ${name}, which is offline. The download works when it is back.` };
  return { get: true, offline: false, why: '' };
}

// suggestRule writes a capture rule (docs/rules.md) that a call like this one matches.
export function suggestRule(c: CDR): string {
  const bad = c.findings.find((f) => f.severity === 'bad');
  if (bad) return `keep-${bad.code}: keep rtp when finding:${bad.code}`;
  const number = [c.callee, c.caller].find((n) => /^\+?\d+$/.test(n));
  if (number) return `keep-${number.replace('+', '')}: keep rtp when number:${number.replace('+', '')}`;
  return c.src ? `keep-source: keep rtp when ip:${host(c.src)}` : 'keep-all: keep rtp';
}

export function whyNoStreams(c: CDR): string {
  if (c.over_limit) return 'The call was over the tenant’s limit of concurrent channels: its record was made from SIP alone, its media was not analysed.';
  if (c.answer) return 'The call was answered, and the sensor saw no RTP that belongs to it. Either none was sent, or the media takes a way that the sensor does not see.';
  if (!c.end) return 'No RTP so far.';
  return `The call was not answered (${status(c.status, c.reason)}), so no RTP was expected, and none was seen.`;
}

export function whyNoMessages(c: CDR): string {
  return c.messages_omitted > 0 ? `All ${c.messages_omitted} messages were left out of the record to keep it small.` : 'The record holds no SIP messages: the sensor did not see the signalling.';
}

export function whyNoMOS(s: Stream): string {
  if (s.packets === 0) return 'no packets came';
  if (s.encrypted && !s.codec) return 'encrypted, and the codec is not known';
  if (!s.codec) return 'the codec is not known';
  if (s.media && s.media !== 'audio') return `${s.media} has no MOS in the E-model`;
  return `no E-model values for ${s.codec}, or the stream was too short`;
}

// whyNoIntervals: charts need two points.
export function whyNoIntervals(streams: Stream[]): string {
  if (streams.every((s) => s.packets === 0)) return 'No packets came, so there is nothing over time to draw.';
  if (streams.every((s) => !s.intervals?.length)) return 'The record holds no intervals of its streams, so there is nothing over time to draw.';
  return 'No stream is longer than one 10-second interval, so there is nothing over time to draw; the table has its values.';
}

export function whyNoFindings(c: CDR): string {
  if (!c.end) return 'Nothing found so far.';
  if (c.over_limit) return 'Nothing found in the signalling. The media was not checked: the call was over the tenant’s channel limit.';
  if (c.streams.length === 0) return 'Nothing found in the signalling. There was no media to check.';
  if (c.unchecked.length > 0) return 'Nothing found in what was checked.';
  return 'Nothing found. The signalling and the media were checked.';
}
