// Calls as a small office's sensors would report them, made from a seed: for `npm run dev` only.

import type { CDR, Finding, Interval, LiveCall, Message, Sensor, Stream } from '../api/types';
import { rfc3339 } from '../time';

// mulberry32 gives the same numbers for the same seed.
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const PBX = '10.0.0.5:5060';
const CARRIERS = ['198.51.100.9:5060', '203.0.113.40:5060', '[2001:db8:7::9]:5060'];
const AGENTS = ['Yealink SIP-T46U 108.86.0.20', 'baresip v3.1.0 (x86_64/Linux)', 'Asterisk PBX 20.6.0', 'Grandstream GXP2170 1.0.11.64', 'Linphone-Desktop/5.2.0 (host) ubuntu/22.04 Qt/5.15'];
const CODECS: [string, number, number][] = [['PCMA', 8, 8000], ['PCMU', 0, 8000], ['G722', 9, 8000], ['opus', 107, 48000], ['G729', 18, 8000]];

const ENDS: [weight: number, status: number, reason: string, cause: CDR['end_cause'], by: CDR['end_by']][] = [
  [70, 200, 'OK', 'bye', 'caller'], [25, 200, 'OK', 'bye', 'callee'], [7, 486, 'Busy Here', 'rejected', 'callee'], [9, 487, 'Request Terminated', 'cancel', 'caller'],
  [4, 404, 'Not Found', 'rejected', 'callee'], [3, 503, 'Service Unavailable', 'rejected', 'callee'], [2, 0, '', 'no-answer', 'unknown'], [2, 200, 'OK', 'timeout-rtp', 'sensor'],
  [2, 480, 'Temporarily Unavailable', 'rejected', 'callee'], [1, 200, 'OK', 'unterminated', 'unknown'],
];

const uuid = (ms: number, r: () => number) => {
  const hex = (n: number) => Array.from({ length: n }, () => Math.floor(r() * 16).toString(16)).join('');
  const t = Math.floor(ms).toString(16).padStart(12, '0');
  return `${t.slice(0, 8)}-${t.slice(8)}-7${hex(3)}-8${hex(3)}-${hex(12)}`;
};

const round = (v: number) => Math.round(v * 1000) / 1000;

// makeCall builds one ended call with everything in it.
export function makeCall(seed: number, startUS: number): CDR {
  const r = random(seed);
  const pick = <T,>(list: T[]) => list[Math.floor(r() * list.length)]!;
  let roll = r() * ENDS.reduce((n, e) => n + e[0], 0);
  const [, status, reason, end_cause, end_by] = ENDS.find((e) => (roll -= e[0]) < 0) ?? ENDS[0]!;
  const answered = status === 200;
  const inbound = r() < 0.5;
  const extension = String(1001 + Math.floor(r() * 60));
  const outside = pick(['+420', '+447', '+1212', '+49305']) + String(Math.floor(r() * 1e8)).padStart(8, '0');
  const phone = `10.0.0.${11 + Math.floor(r() * 40)}:5060`;
  const [src, dst] = inbound ? [pick(CARRIERS), PBX] : [phone, PBX];
  const [codec, payload_type, clock_rate] = pick(CODECS);
  const bad = answered && r() < 0.16 ? 0.3 + r() * 0.7 : 0;

  const pdd = Math.round(90 + r() * 2400);
  const ring = answered || end_cause === 'cancel' ? Math.round(pdd + 900 + r() * 14_000) : pdd;
  const talk = Math.round(3000 + r() ** 3 * 900_000);
  const end = startUS + (answered ? ring + talk : ring + 40) * 1000;
  const at = (ms: number) => rfc3339(startUS + Math.round(ms * 1000));

  const messages: Message[] = [];
  const say = (ms: number, from: string, to: string, first_line: string, cseq: string, sdp = '', retransmission = false) =>
    messages.push({ t: at(ms), src: from, dst: to, first_line, cseq, retransmission, sdp });
  const uri = `sip:${inbound ? extension : outside}@10.0.0.5`;
  const next = inbound ? phone : pick(CARRIERS);
  say(0, src, dst, `INVITE ${uri} SIP/2.0`, '1 INVITE', `${codec} telephone-event`);
  say(4.1, dst, src, 'SIP/2.0 100 Trying', '1 INVITE');
  say(12.4, dst, next, `INVITE ${uri} SIP/2.0`, '102 INVITE', `${codec} telephone-event`);
  if (r() < 0.25) say(512.9, dst, next, `INVITE ${uri} SIP/2.0`, '102 INVITE', `${codec} telephone-event`, true);
  if (end_cause !== 'no-answer') {
    say(Math.max(20, pdd - 6), next, dst, 'SIP/2.0 180 Ringing', '102 INVITE');
    say(pdd, dst, src, 'SIP/2.0 180 Ringing', '1 INVITE');
  }
  if (answered) {
    say(ring - 5, next, dst, 'SIP/2.0 200 OK', '102 INVITE', codec);
    say(ring, dst, src, 'SIP/2.0 200 OK', '1 INVITE', codec);
    say(ring + 9, src, dst, `ACK ${uri} SIP/2.0`, '1 ACK');
    say(ring + 11, dst, next, `ACK ${uri} SIP/2.0`, '102 ACK');
    if (end_cause === 'bye') {
      const [a, b] = end_by === 'caller' ? [src, dst] : [dst, src];
      say(ring + talk, a, b, `BYE ${uri} SIP/2.0`, '2 BYE');
      say(ring + talk + 8, b, a, 'SIP/2.0 200 OK', '2 BYE');
    }
  } else if (end_cause === 'cancel') {
    say(ring, src, dst, `CANCEL ${uri} SIP/2.0`, '1 CANCEL');
    say(ring + 3, dst, src, 'SIP/2.0 200 OK', '1 CANCEL');
    say(ring + 5, dst, src, 'SIP/2.0 487 Request Terminated', '1 INVITE');
    say(ring + 11, src, dst, `ACK ${uri} SIP/2.0`, '1 ACK');
  } else if (status) {
    say(ring + 20, dst, src, `SIP/2.0 ${status} ${reason}`, '1 INVITE');
    say(ring + 26, src, dst, `ACK ${uri} SIP/2.0`, '1 ACK');
  }

  const streams: Stream[] = [];
  if (answered) {
    const side = (direction: Stream['direction'], from: string, to: string, harm: number) => {
      const intervals: Interval[] = [];
      let packets = 0;
      let lost = 0;
      for (let t = 0; t < talk; t += 10_000) {
        const n = Math.round(Math.min(10_000, talk - t) / 20);
        const hurt = harm && r() < 0.7 ? harm * r() : 0;
        const gone = Math.round(n * hurt * 0.12);
        packets += n - gone;
        lost += gone;
        intervals.push({ t: at(ring + 31 + t), packets: n - gone, lost: gone, jitter_ms: round(1.2 + r() * 1.4 + hurt * 32), mos: round(Math.max(1.2, 4.38 - hurt * 2.6)) });
      }
      const loss = round((100 * lost) / (packets + lost));
      const moses = intervals.map((i) => i.mos);
      const avg = round(moses.reduce((a, b) => a + b, 0) / moses.length);
      const min = Math.min(...moses);
      const tail = (v: number) => Math.round(v * harm);
      streams.push({
        src: from, dst: to, ssrc: '0x' + Math.floor(r() * 2 ** 32).toString(16).padStart(8, '0'), payload_type, codec, clock_rate, direction,
        first: at(ring + 31), last: at(ring + talk), packets, expected: packets + lost, lost, loss_pct: loss, duplicates: 0, reordered: tail(7),
        jitter_mean_ms: round(intervals.reduce((a, i) => a + i.jitter_ms, 0) / intervals.length), jitter_max_ms: round(Math.max(...intervals.map((i) => i.jitter_ms)) * 1.4),
        delta_max_ms: round(24 + harm * 180), skew_ms: round(r() * 4 - 2), bursts: [61, 22, 9, 4, 3, 2, 1, 1, 0, 3].map(tail), pdv: [240, 130, 71, 22, 9, 2, 0].map(tail),
        mos_f1: { avg: round(avg - harm * 0.4), min: round(Math.max(1, min - harm * 0.5)) }, mos_f2: { avg: round(avg - 0.02), min: round(min - 0.02) }, mos_adapt: { avg, min },
        rtcp: r() < 0.6 ? { rtt_ms: round(12 + r() * 60), loss_max_pct: round(loss * 1.3), jitter_max_ms: round(3 + harm * 30) } : null,
        dtmf: r() < 0.1 ? '4271#' : '', encrypted: r() < 0.08, intervals, ptime_ms: 20, dscp: r() < 0.7 ? 46 : 0, media: 'audio',
      });
    };
    const media = (e: string, port: number) => e.replace(/:\d+$/, ':' + port);
    side('from-caller', media(src, 4000 + 2 * Math.floor(r() * 900)), media(dst, 17_000 + 2 * Math.floor(r() * 900)), 0);
    if (seed % 23) side('from-callee', media(dst, 17_002), media(src, 4002), bad);
  }
  const worst = streams.toSorted((a, b) => (a.mos_adapt?.avg ?? 5) - (b.mos_adapt?.avg ?? 5))[0];

  const findings: Finding[] = [];
  if (answered && streams.length === 1)
    findings.push({ code: 'one-way-audio', severity: 'bad', text: 'Only the caller was heard: no RTP came from the called side', evidence: `${streams[0]!.packets} packets ${streams[0]!.src} > ${streams[0]!.dst}, 0 back`, remedy: 'Check the firewall between the PBX and the phone, and the address in the SDP of the 200 OK.' });
  if (worst && worst.loss_pct > 2)
    findings.push({ code: 'loss-burst', severity: worst.loss_pct > 4 ? 'bad' : 'warn', text: `${worst.loss_pct.toFixed(1)} % of the RTP from the called side was lost, in bursts`, evidence: `${worst.lost} of ${worst.expected} packets, ${worst.src} > ${worst.dst}`, remedy: 'Loss in bursts on one way is typical for a full uplink; look at its queue and at the DSCP marking.' });
  if (pdd > 2200) findings.push({ code: 'slow-pdd', severity: 'info', text: `It rang only ${(pdd / 1000).toFixed(2)} s after the INVITE`, evidence: `INVITE 0.000, 180 +${(pdd / 1000).toFixed(3)}`, remedy: '' });

  const kept = (seed % 5 === 0 || bad > 0.7) && answered;
  return {
    id: uuid(startUS / 1000, r), call_id: `${seed.toString(16).padStart(8, '0')}-${Math.floor(r() * 1e9).toString(36)}@${inbound ? 'carrier.example' : '10.0.0.5'}`, group_id: '', sensor_id: 1 + (seed % 3),
    caller: inbound ? outside : extension, callee: inbound ? extension : outside, caller_domain: inbound ? 'carrier.example' : '10.0.0.5', callee_domain: '10.0.0.5',
    caller_name: inbound ? '' : pick(['Alice Novak', 'Front desk', 'Bob', '']), callee_uri: inbound ? extension : outside, src, dst, transport: r() < 0.85 ? 'udp' : 'tcp',
    start: at(0), ringing: end_cause === 'no-answer' ? null : at(pdd), answer: answered ? at(ring) : null, end: rfc3339(end), duration_ms: Math.round((end - startUS) / 1000),
    connect_ms: answered ? talk : null, pdd_ms: end_cause === 'no-answer' ? null : pdd, setup_ms: answered ? ring : null, status, reason, end_cause, end_by,
    ua_caller: pick(AGENTS), ua_callee: pick(AGENTS), codecs: answered ? [codec] : [], mos: worst?.mos_adapt?.avg ?? null, loss_pct: worst?.loss_pct ?? null,
    jitter_ms: worst?.jitter_mean_ms ?? null, streams, messages, findings, rule: kept ? (seed % 5 === 0 ? 'sales numbers' : 'bad calls') : '',
    capture: kept ? { kept: 'rtp', packets: 2 * (worst?.packets ?? 0) + messages.length, bytes: 430 * (worst?.packets ?? 0) } : { kept: 'none', packets: 0, bytes: 0 },
    over_limit: false, retransmissions: messages.filter((m) => m.retransmission).length, messages_omitted: 0, streams_omitted: 0, dtmf_info: seed % 7 === 0 ? '1#' : '',
    unchecked: streams.some((s) => !s.rtcp) ? [{ reason: 'no receiver reports (RTCP)', codes: ['loss-located-on-leg'] }] : [],
  };
}

// makeLive is a call that runs, as it stands now.
export function makeLive(seed: number, nowUS: number): LiveCall {
  const r = random(seed);
  const began = nowUS - Math.floor(r() * 600e6);
  const c = makeCall(seed, began);
  const up = r() < 0.8;
  return {
    id: c.id, call_id: c.call_id, group_id: '', sensor_id: 1 + (seed % 2), state: up ? (r() < 0.1 ? 'hold' : 'up') : 'ringing', caller: c.caller, callee: c.callee, src: c.src, dst: c.dst,
    transport: c.transport, start: c.start, answer: up ? c.start : null, end: null, status: up ? 200 : 180, codec: up ? (c.codecs[0] ?? 'PCMA') : '', pdd_ms: c.pdd_ms,
    mos: up ? (c.mos ?? 4.37) : null, loss_pct: up ? (c.loss_pct ?? 0) : null, jitter_ms: up ? (c.jitter_ms ?? 2) : null, packets: up ? 5000 : 0, finding: '', severity: '',
    kept: seed % 5 === 0 ? 'rtp' : 'none', rule: seed % 5 === 0 ? 'sales numbers' : '', ...(seed % 5 === 1 ? { held: 'rtp' as const } : {}),
  };
}

export function makeSensors(nowUS: number): Sensor[] {
  const one = (n: number, over: Partial<Sensor>): Sensor => ({
    uuid: `01930000-0000-7000-8000-00000000000${n}`, id_sensor: n, name: `pbx-${n}`, version: '0.2.0', os: 'linux', arch: 'amd64', online: true, node: '', addr: `192.0.2.${10 + n}:49152`,
    enrolled: rfc3339(nowUS - n * 864e9), last_seen: rfc3339(nowUS - 3e6), last_cdr: rfc3339(nowUS - 41e6), cdrs: 41_234 * n, revoked: false, source: 'eth0', running: 11, queue: 0, problems: [], local_rule_revision: 0, hosted_rule_revision: 12, capabilities: ['listen', 'download'], rules_current: true, rules_problem: null,
    health_at: rfc3339(nowUS - 2e6), started: rfc3339(nowUS - 86_400e6), over_limit: 0, packets: 81_234_567, drops: 0, lag_ms: 0, lost_cdrs: 0, spool: { bytes: 4e9, max_bytes: 20e9, max_days: 7, free: 61e9, stopped: '' }, clock_skew_ms: 12, rtt_ms: 9, last_error: null, ...over,
  });
  return [
    one(1, {}),
    one(2, { name: 'branch-office-prague-2nd-floor', arch: 'arm64', source: 'eth0, eth1', queue: 812, local_rule_revision: 3, hosted_rule_revision: 11, rules_current: false, problems: [{ code: 'capture-dropping', status: 0, title: 'The kernel dropped 1 204 packets in the last minute', remedy: 'Raise ringbuffer in voipmonitor.conf, or narrow filter=.' }] }),
    one(3, { name: 'pbx-brno', online: false, last_seen: rfc3339(nowUS - 7200e6), last_cdr: rfc3339(nowUS - 7300e6), running: null, queue: null }),
  ];
}
