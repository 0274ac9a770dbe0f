// Why something is not there. Every gap on the call page has its sentence here.

import type { CDR, Sensor, Stream, User } from '../api/types';
import { suggestRule } from '../rules/fromcall';
import { status } from '../words';

// Access is whether something kept of a call can be had, or why not.
export interface Access {
  get: boolean; // it is there, and the user may
  offline: boolean; // the sensor that holds it is not reachable now
  why: string; // in a sentence or two; "" when nothing stands in the way
  rule?: string; // a rule that would keep the next such call
  pcap?: boolean; // the packets can still be downloaded
}

const no = (why: string, more: Partial<Access> = {}): Access => ({ get: false, offline: false, why, ...more });

const nameOf = (c: CDR, sensor: Sensor | undefined) => (sensor ? `sensor ${sensor.id_sensor} (${sensor.name})` : `sensor ${c.sensor_id}`);

export function captureState(c: CDR, sensor: Sensor | undefined, user: User): Access {
  if (!c.end) return no(c.capture.kept === 'none' ? 'The call runs. No rule keeps its packets so far; a rule that looks at the end (mos, loss, finding) may still keep them.' : 'The call runs. Its packets are being kept and can be downloaded when it has ended.');
  if (c.capture.kept === 'none') return notKept(c, sensor);
  if (!user.rights.includes('download')) return no('You may see calls and not download packets. An administrator can give you the right “download”.');
  if (!user.rights.includes('numbers')) return no('The packets hold the numbers, which you see masked. An administrator can give you the right “numbers”.');
  return reach(c, sensor, 'The packets', 'The download', 'download');
}

function notKept(c: CDR, sensor: Sensor | undefined): Access {
  if (c.rule) return no(`Rule “${c.rule}” decided for this call and keeps nothing. To keep the next such call, write a rule that stands before it:`, { rule: suggestRule(c) });
  return no(`No capture rule of ${nameOf(c, sensor)} matched, so the packets were thrown away after the analysis. This rule keeps the next such call:`, { rule: suggestRule(c) });
}

// reach is about the way to the sensor, which has them on its disk.
function reach(c: CDR, sensor: Sensor | undefined, what: string, action: string, right: 'listen' | 'download'): Access {
  const name = nameOf(c, sensor);
  const them = what.endsWith('s') ? 'are' : 'is';
  if (!sensor) return no(`${what} ${them} on the disk of ${name}, which is no longer paired with this service.`, { offline: true });
  if (!sensor.online) return { get: true, offline: true, why: `${what} ${them} on the disk of ${name}, which is offline. ${action} works when it is back.` };
  if (!sensor.capabilities.includes(right)) return no(switchedOff(right, name));
  return { get: true, offline: false, why: '' };
}

const switchedOff = (right: 'listen' | 'download', name: string) =>
  `${name[0]!.toUpperCase()}${name.slice(1)} does not allow ${right === 'listen' ? 'listening' : 'downloads'} through this service: its owner has switched it off (cloud_${right} = no in its configuration), or its version cannot do it. On the sensor’s own machine it can still be done.`;

// Codecs without a decoder that can be had freely.
export const SILENT = /^(g729|g723|g728|amr|amr-wb|evs|ilbc|silk|speex|isac|g7221)/i;

// audioState says whether a call can be listened to. What only the sensor knows, it says when it is asked.
export function audioState(c: CDR, sensor: Sensor | undefined, user: User): Access {
  if (!c.end) return no('The call runs. It can be listened to when it has ended, if a rule keeps its voice.');
  const voice = c.streams.filter((s) => !s.media || s.media === 'audio');
  if (!c.over_limit && voice.every((s) => s.packets === 0) && c.streams_omitted === 0) return no(`There is nothing to hear. ${whyNoStreams(c)}`);
  if (c.capture.kept === 'none') return no(`There is nothing to hear: the packets of this call were not kept. ${c.rule ? `Rule “${c.rule}” decided for it and keeps nothing` : 'No capture rule matched it'}; a rule that keeps the next one is offered under Packets.`);
  if (c.capture.kept !== 'rtp') {
    const part = c.capture.kept === 'sip' ? 'the signalling' : 'the signalling and the headers of RTP';
    return no(`Rule “${c.rule}” keeps ${part}; the voice was not kept. “keep rtp” keeps it:`, { rule: suggestRule(c), pcap: true });
  }
  if (c.capture.no_audio) return no(`Rule “${c.rule}” says “no audio”: the call may not be listened to. Its packets were kept for analysis.`, { pcap: true });
  if (!user.rights.includes('listen')) return no('You may see calls and not listen to them. An administrator can give you the right “listen”.');
  const sent = voice.filter((s) => s.packets > 0);
  if (c.findings.some((f) => f.code === 'srtp-without-key') && sent.every((s) => s.encrypted)) return no('The voice is encrypted (SRTP), and the signalling that the sensor saw holds no key. Where the keys are in the SDP over TLS, give the sensor the TLS keys; DTLS-SRTP cannot be decrypted.', { pcap: true });
  if (sent.length > 0 && sent.every((s) => SILENT.test(s.codec))) return no(`${[...new Set(sent.map((s) => s.codec))].join(' and ')} cannot be decoded here: there is no free decoder. Download the packets and play them with a program that has one.`, { pcap: true });
  return reach(c, sensor, 'The voice', 'Listening', 'listen');
}

export function whyNoStreams(c: CDR): string {
  if (c.over_limit) return 'The call was over the tenant’s limit of concurrent channels: its record was made from SIP alone, its media was not analysed.';
  if (c.answer) return 'The call was answered, and no RTP that belongs to it was captured. Either none was sent, or the media takes another way.';
  if (!c.end) return 'No RTP so far.';
  return `The call was not answered (${status(c.status, c.reason)}), so no RTP was expected, and none was seen.`;
}

export function whyNoMessages(c: CDR): string {
  return c.messages_omitted > 0 ? `All ${c.messages_omitted} messages were left out of the record to keep it small.` : 'The record holds no SIP messages: the signalling was not captured.';
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
